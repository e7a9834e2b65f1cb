"""What happens when the Hub starts: settings are checked, unfinished ends taken up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub

from .choice import settable_by_profiles
from .profiles import ProfileListError, read_profiles
from .server import Server
from .settings.network import why_unreachable


class HubConfigError(ValueError):
    """The Hub's configuration cannot work. The text lists what to change."""


def problems(spawner: Server, app: Any) -> Iterator[str]:
    """What is wrong with the settings of a Hub, a sentence each.

    :param spawner: an instance without a user, to read the settings from
    :param app: the JupyterHub application
    """
    if app.internal_ssl:
        yield (
            "c.JupyterHub.internal_ssl is on, which EC2Spawner does not support yet. "
            "Turn it off and keep Hub and machines in a private network."
        )
    hub_url = spawner.hub_connect_url or app.hub.api_url
    if why := why_unreachable(hub_url, spawner.endpoint_url):
        yield why
    try:
        profiles = (
            ()
            if callable(spawner.profile_list)
            else read_profiles(spawner.profile_list, settable_by_profiles(spawner))
        )
    except ProfileListError as e:
        yield f"c.EC2Spawner.{e}."
        return

    def every_profile_sets(name: str) -> bool:
        # What a callable will return is not known before there is a user.
        known = not callable(spawner.profile_list)
        return not known or bool(profiles) and all(name in p.override for p in profiles)

    if not (spawner.region or every_profile_sets("region")):
        yield "c.EC2Spawner.region is not set, for example to 'us-west-2'."
    if not (spawner.image or every_profile_sets("image")):
        yield (
            "c.EC2Spawner.image is not set: give the AMI to start machines from, "
            "for example 'ami-0123456789abcdef0'."
        )


def take_up_burials(app: Any) -> None:
    """Go on ending the machines whose end EC2 had not confirmed.

    The Hub itself looks only at servers that run. Loading a stopped one makes it
    take up its tombstones.
    """
    for row in app.db.query(orm.Spawner).filter(orm.Spawner.state.isnot(None)):
        if row.user is not None and (row.state or {}).get("tombstones"):
            app.users[row.user].get_spawner(row.name)


def watch(spawner_class: type[Server]) -> None:
    """Do both in the Hub that this process may become, when it starts.

    JupyterHub has no hook for a spawner class at its start, and it imports the
    classes of all entry points while the application is being made, so there is
    no instance to observe yet either. ``init_handlers`` runs once, after the
    Hub's URLs are final and before any server is looked at.
    """
    init_handlers = JupyterHub.init_handlers

    @wraps(init_handlers)
    def start_and_init_handlers(app: Any) -> None:
        if issubclass(app.spawner_class, spawner_class):
            spawner = app.spawner_class(config=app.config, hub=app.hub)
            if found := list(problems(spawner, app)):
                raise HubConfigError(
                    "ec2spawner cannot work with this configuration:\n  - "
                    + "\n  - ".join(found)
                )
            take_up_burials(app)
        init_handlers(app)

    JupyterHub.init_handlers = start_and_init_handlers
