"""What happens when the Hub starts: checks, unfinished ends, and the sweeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from functools import partial, wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import joinedload

from ..claim import api as claim_api
from ..claim.listener import listen
from ..core.idleness import IdlePolicy
from ..core.ids import hub_id_from_cookie_secret
from ..costs.budget import Budgets
from ..ec2.again import every
from ..ec2.clients import Account
from ..fleet.fleet import FleetKey
from ..fleet.runtime import runtime
from ..fleet.unsaved import NotSaved, committing
from ..server.choice import known_profiles
from ..server.tokens import revocation_of_leftovers
from ..settings import LaunchSettings
from .checks.culler import CULLER, has_culler
from .checks.in_ec2 import tell_what_is_missing
from .checks.problems import problems
from .checks.warnings import warnings
from .costs.budgets import BudgetWatch
from .costs.ledger import Keeper
from .costs.prices import Prices
from .database.name import name_database
from .database.own import OwnDatabase, own_engine
from .database.records import has_launch, has_unfinished_ends, is_expired
from .database.session import keep_usable
from .database.starts import keep_history
from .form_facts import keep_learning
from .idle.keeper import IdleKeeper
from .idle.record import UseRecord
from .internal_ssl import authority_of, context_for_machines
from .log import tell_known_failures
from .metrics import show_hub
from .pages.announcements import with_notices
from .pages.facts import PageFacts, culler_times
from .pages.unanswered import register as register_page
from .pages.unanswered import teach_traefik
from .proxies import encrypt_traefik
from .ready import ReadyKeeper
from .stuck import StuckServers
from .sweep import sweep_for_ever


class HubConfigError(ValueError):
    """The Hub's configuration cannot work. The text lists what to change."""


def bounds_text(spawner: LaunchSettings) -> str:
    """What bounds the costs of this hub, in a line for its log."""
    names = ("max_machines", "max_machines_per_user", "max_homes_per_user")
    found = {name: getattr(spawner, name) or "any number" for name in names}
    limits = ", ".join(f"{name}: {value}" for name, value in found.items())
    budgets = ", ".join(map(str, spawner.budgets)) or "none"
    return f"What bounds the costs of this hub: {limits}; budgets: {budgets}"


def regions(spawner: LaunchSettings) -> list[str]:
    """Every region in which the settings may start a machine.

    Those that a callable ``profile_list`` or setting returns are not known before
    somebody starts a server there.

    :param spawner: an instance without a user, to read the settings from
    """
    profiles = known_profiles(spawner)
    overrides = [override for p in profiles for override in p.overrides()]
    found = [spawner.region, *(each.get("region") for each in overrides)]
    return [each for each in dict.fromkeys(found) if each and isinstance(each, str)]


def take_up_unfinished_ends(app: Any) -> None:
    """Go on ending or stopping the machines of which EC2 had not confirmed that.

    The Hub itself looks only at servers that run. Loading a stopped one makes it
    go on with what is doomed.
    """
    # With what is looked at: one by one it would take seconds of thousands.
    with_them = joinedload(orm.Spawner.user), joinedload(orm.Spawner.server)
    for row in app.db.query(orm.Spawner).options(*with_them):
        if row.user is None:
            continue
        stopped = row.server is None and has_launch(row.state)
        if not (stopped or has_unfinished_ends(row.state)):
            continue
        spawner = app.users[row.user].get_spawner(row.name)
        if stopped:
            # The Hub was killed in User.stop(), when it had let go of the server and
            # not yet of its launch. Nobody else would look at that machine again.
            spawner.clear_state()


def revoke_leftover_tokens(app: Any, log: Any) -> None:
    """Delete the tokens that outlived their servers, as soon as the database lets us.

    It may have refused that when they ended, and their Hub was killed before it
    did not.
    """
    revocation = revocation_of_leftovers(app.db)

    def revoke() -> None:
        with committing(app.db):
            revocation()

    try:
        revoke()
    except NotSaved:
        runtime().unsaved.add("leftover tokens", revoke, log)


async def end_expired_stops(app: Any, spawner: Any) -> None:
    """Terminate what has been stopped for longer than the settings allow, again and
    again while the Hub runs.

    :param app: the JupyterHub application
    :param spawner: an instance without a user, to read the settings from
    """

    async def end_them() -> None:
        for row in app.db.query(orm.Spawner):
            if row.user is not None and is_expired(row.state, time.time()):
                app.users[row.user].get_spawner(row.name).end_expired()

    await every(
        spawner.sweep_interval,
        end_them,
        lambda _: spawner.log.exception(
            "Machines stopped for too long are ended later"
        ),
    )


def name_own_database(app: Any, log: Any) -> None:
    """From now on machines carry the name of this Hub's database."""
    try:
        runtime().database = name_database(app.db)
    except SQLAlchemyError as e:
        log.warning(
            "The database of this Hub gets no name, so a Hub with the same hub_id "
            "would not be noticed: %s",
            e,
        )


def own_database(spawner: Any, app: Any) -> OwnDatabase:
    """Where the ledger is, and how long starts took."""
    own = {} if spawner.ledger_url else app.db_kwargs
    return OwnDatabase(own_engine(spawner.ledger_url or app.db_url, own))


def budget_watch(spawner: Any, app: Any) -> BudgetWatch:
    """Who sees to it that no more is spent than the settings allow."""
    budgeting = runtime().budgeting
    budgeting.budgets = Budgets(spawner.budgets)
    budgeting.grace = spawner.budget_grace
    budgeting.refuse_unknown = spawner.budget_unknown == "refuse"
    return BudgetWatch(app, budgeting, spawner.log)


async def _when_it_serves(then: Awaitable[None]) -> None:
    """What can wait is not asked while a Hub that restarts looks at its servers."""
    await runtime().serving.wait()
    await then


def begin_sweeping(spawner: Any, app: Any) -> None:
    """Look for machines that no server owns, for as long as the Hub runs."""
    if not spawner.trait_has_value("hub_id"):
        spawner.hub_id = hub_id_from_cookie_secret(app.cookie_secret)
    accounts = [Account(each, spawner.endpoint_url) for each in regions(spawner)]
    fleets = []
    for account in accounts:
        # A fleet of its own even before the first server: there may be leaks.
        fast, slow = spawner.fast_interval, spawner.slow_interval
        key = FleetKey(spawner.hub_id, account)
        fleets.append(runtime().fleets.get(key, fast, slow, spawner.log))
        fleets[-1].inventory.start()
    tasks = runtime().tasks
    learning = partial(setattr, runtime(), "learning")
    facts = keep_learning(spawner, fleets, spawner.log, learning)
    tasks.add(asyncio.ensure_future(facts))
    url = spawner.hub_connect_url or app.hub.api_url
    missing = tell_what_is_missing(spawner, fleets, spawner.log, url)
    tasks.add(asyncio.ensure_future(_when_it_serves(missing)))
    prices = Prices(spawner, spawner.log, partial(setattr, runtime(), "prices"))
    tasks.add(asyncio.ensure_future(prices.keep(accounts)))
    database, hub_id = own_database(spawner, app), spawner.hub_id
    history = keep_history(runtime().history, database, hub_id, spawner.log)
    tasks.add(asyncio.ensure_future(history))
    keeper = Keeper(runtime().ledger, database, app.db, hub_id, spawner.log)
    tasks.add(asyncio.ensure_future(keeper.keep()))
    tasks.add(asyncio.ensure_future(budget_watch(spawner, app).keep()))
    tasks.add(asyncio.ensure_future(end_expired_stops(app, spawner)))
    if not has_culler(app):
        runtime().stops_idle = spawner.idle_action == "stop"
        record = UseRecord(database, hub_id, spawner.log)
        idle = IdleKeeper(app, spawner.log, record, dry=not runtime().stops_idle)
        tasks.add(asyncio.ensure_future(idle.keep()))
    runtime().ready.secret = app.cookie_secret
    if spawner.ready_machines:
        ready = ReadyKeeper(app, spawner, partial(read_spawner, app))
        tasks.add(asyncio.ensure_future(ready.keep()))
    stuck = StuckServers(app, spawner.log)
    tasks.add(asyncio.ensure_future(stuck.keep_looking(spawner.sweep_interval)))
    sweeping = sweep_for_ever(
        app.db,
        spawner.sweep_interval,
        spawner.sweep_grace,
        spawner.hub_silence_limit,
        spawner.log,
    )
    tasks.add(asyncio.ensure_future(sweeping))


def set_up_pages(app: Any) -> None:
    """What users see on the Hub's pages, in place of a server, and at /hub/metrics."""
    show_hub(runtime())
    register_page()
    teach_traefik(app.proxy, app.hub)
    encrypt_traefik(app.proxy, app)
    times = culler_times(app.services, CULLER)
    facts = PageFacts(times)
    runtime().culled = IdlePolicy(times.timeout, max_age=times.max_age)
    shown = {"ec2spawner": facts, **with_notices(app.template_vars)}
    app.tornado_settings["template_vars"] = shown


def open_to_machines(spawner: Any, app: Any) -> None:
    """Answer them at a port of their own, if they have one.

    :raises OSError: when nobody can listen there
    """
    if not spawner.claim_port:
        return
    listen(
        app.hub.ip,
        spawner.claim_port,
        app.hub.base_url,
        app.tornado_settings,
        lambda: runtime().registry,
        lambda: runtime().rate_limits,
        context_for_machines(app),
    )
    spawner.log.info("Machines claim their orders at port %i", spawner.claim_port)


def read_spawner(app: Any) -> Any:
    """An instance without a user, to read the settings from."""
    return app.spawner_class(
        config=app.config, hub=app.hub, internal_ssl=app.internal_ssl
    )


def not_used(used: type) -> str:
    """What an admin is told who has set up EC2Spawner, and uses another one."""
    return (
        f"c.EC2Spawner is set, and c.JupyterHub.spawner_class is {used.__name__}: "
        "servers may run on this computer. Call ec2spawner.setup(c) at the end of "
        "jupyterhub_config.py."
    )


def watch(spawner_class: type[LaunchSettings]) -> None:
    """Do all this in the Hub that this process may become, when it starts.

    JupyterHub has no hook for a spawner class at its start, and it imports the
    classes of all entry points while the application is being made, so there is
    no instance to observe yet either. ``init_handlers`` runs once, after the
    Hub's URLs are final and before any server is looked at.
    """
    init_handlers, cleanup = JupyterHub.init_handlers, JupyterHub.cleanup
    start = JupyterHub.start

    @wraps(init_handlers)
    def start_and_init_handlers(app: Any) -> None:
        if issubclass(app.spawner_class, spawner_class):
            spawner = read_spawner(app)
            if found := list(problems(spawner, app)):
                raise HubConfigError(
                    "ec2spawner cannot work with this configuration:\n  - "
                    + "\n  - ".join(found)
                )
            name_own_database(app, spawner.log)
            keep_usable(app.db)
            tell_known_failures(app.log)
            spawner.log.info(bounds_text(spawner))
            for text in warnings(spawner, app):
                spawner.log.warning(text)
            if app.internal_ssl:
                runtime().authority = authority_of(app)
            if spawner.claim_port:
                claim_api.withdraw()
            take_up_unfinished_ends(app)
            revoke_leftover_tokens(app, spawner.log)
            begin_sweeping(spawner, app)
            set_up_pages(app)
        elif spawner_class.__name__ in app.config:
            app.log.warning(not_used(app.spawner_class))
        init_handlers(app)

    @wraps(start)
    async def start_with_machines(app: Any) -> None:
        # As the Hub's own port: once it knows its servers. A Hub that only writes its
        # certificates, or its configuration, is none.
        if hasattr(app, "hub") and issubclass(app.spawner_class, spawner_class):
            open_to_machines(read_spawner(app), app)
        await start(app)
        runtime().serving.set()

    @wraps(cleanup)
    async def cleanup_at_once(app: Any) -> None:
        # A Hub that is told to end does so, whatever its database says.
        runtime().unsaved.ending = True
        await cleanup(app)

    JupyterHub.init_handlers = start_and_init_handlers
    JupyterHub.cleanup = cleanup_at_once
    JupyterHub.start = start_with_machines
