"""Keeps as many machines ready as the settings want: launches, finds and ends them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import EC2SpawnError
from ..core.ids import new_launch_id, secret_hash
from ..core.state import Doomed, Launch, Phase
from ..ec2.again import OnlyNews
from ..ec2.clients import Account
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.machines import Machine
from ..fleet.fleet import Fleet, FleetKey
from ..fleet.runtime import runtime
from ..launch.attempts import Attempt, Reporter
from ..launch.plan import LaunchIdentity, LaunchPlan, plan_launch
from ..launch.user_data import told_at_launch, user_data_of
from ..ready.fill import Bounds, Want, fill
from ..ready.kind import as_ready, kind_of, kinds_of
from ..ready.member import Member
from ..ready.wishes import Wish, read_wishes
from ..server.choice import ServerChoice, known_profiles
from .database.records import read_records

# Between two looks when nobody has taken a machine.
_LOOK_SECONDS = 15.0
# What an image's name stands for may change.
_PLAN_SECONDS = 300.0
# So many launches of the pool wait in AWS's line at once: people wait there, too.
_AT_ONCE = 5
# Until a choice is tried again that has failed, doubled with each time.
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 1800.0


@dataclass
class Choice:
    """One wish as the settings make it now."""

    wish: Wish
    settings: Any
    fleet: Fleet
    told: str
    kinds: frozenset[str] = frozenset()
    usd: float | None = None
    planned_at: float = 0.0
    #: how often in a row it has failed, and when it may be tried again (monotonic)
    failures: int = 0
    pause_until: float = 0.0
    coming: set[asyncio.Task[None]] = field(default_factory=set)


class ReadyKeeper:
    """The pool of a Hub that runs.

    :param spawner: an instance without a user, to read the hub's settings from
    :param another: makes more of them, for what each choice makes of the settings
    """

    def __init__(self, app: Any, spawner: Any, another: Callable[[], Any]) -> None:
        self._app = app
        self._settings = spawner
        self._another = another
        self._log = spawner.log
        self._news = OnlyNews(spawner.log)
        self._pool = runtime().ready
        self._choices: list[Choice] = []

    async def keep(self) -> None:
        """Do it for as long as the Hub runs."""
        while True:
            self._pool.changed.clear()
            try:
                await self.once()
            except Exception as e:
                text = "Ready machines are seen to later: %s"
                self._news.say("look", repr(e), text, e, trace=True)
            else:
                self._news.over("look")
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._pool.changed.wait(), _LOOK_SECONDS)

    async def once(self) -> None:
        """Look at what there is and what is wanted, and act on it."""
        if not self._choices:
            self._choices = await self._read()
        for choice in self._choices:
            await self._plan(choice)
        self._pool.kinds = frozenset(k for c in self._choices for k in c.kinds)
        # Nothing is awaited from here on: all speaks of one moment.
        for fleet in {id(c.fleet): c.fleet for c in self._choices}.values():
            self._look(fleet)
        self._fill()

    # -- what is wanted ------------------------------------------------------------

    async def _read(self) -> list[Choice]:
        spawner, found = self._settings, []
        for wish in read_wishes(spawner.ready_machines, known_profiles(spawner)):
            settings = self._another()
            settings.hub_id = spawner.hub_id
            if wish.selection is not None:
                await ServerChoice(settings).take_on(wish.selection)
            account = Account(settings.region, settings.endpoint_url)
            fleet = runtime().fleets.get(
                FleetKey(spawner.hub_id, account),
                spawner.fast_interval,
                spawner.slow_interval,
                spawner.log,
            )
            fleet.inventory.start()
            told = told_at_launch(
                settings, settings.cmd, settings.hub_api_url, runtime().hub_ca
            )
            found.append(Choice(wish, settings, fleet, told))
        return found

    async def _plan(self, choice: Choice) -> None:
        """Learn which kinds of machine a choice means today."""
        now = time.monotonic()
        if choice.planned_at and now - choice.planned_at < _PLAN_SECONDS:
            return
        try:
            plan = await self._planned(choice, LaunchIdentity("", "", ""), b"")
        except (EC2Error, EC2SpawnError) as e:
            self._failed(choice, e)
            return
        kinds = kinds_of(plan, choice.told)
        choice.kinds, choice.planned_at = frozenset(kinds), now
        prices = [
            self._price(choice, c.market, c.instance_type) for c in kinds.values()
        ]
        known = [price for price in prices if price is not None]
        choice.usd = max(known) if len(known) == len(prices) else None

    def _price(self, choice: Choice, market: str, instance_type: str) -> float | None:
        prices, region = runtime().prices, choice.settings.region
        spot = market == "spot"
        of = prices.spot if spot else prices.of
        price = of(region, instance_type)
        return price.usd if price else None

    async def _planned(
        self, choice: Choice, who: LaunchIdentity, data: bytes
    ) -> LaunchPlan:
        settings, fleet = choice.settings, choice.fleet
        image = await fleet.images.resolve(settings.image, settings.image_owners)
        region = await fleet.catalog.region(settings.types, settings.subnets)
        return plan_launch(settings, image, who, data, region)

    # -- what there is -------------------------------------------------------------

    def _look(self, fleet: Fleet) -> None:
        listing = fleet.inventory.listing
        if listing is None:
            return
        for member in self._pool.members:
            if member.launch.region != fleet.region:
                continue
            machine = listing.machines.get(member.launch.instance_id)
            if machine is not None and machine.over or member.is_silent:
                self._lose(member, fleet)
        strangers = [
            machine
            for machine in listing.machines.values()
            if machine.ready_kind
            and not machine.over
            and machine.launch_id
            and not self._pool.knows(machine.launch_id)
        ]
        if strangers:
            self._find(strangers, fleet)

    def _lose(self, member: Member, fleet: Fleet) -> None:
        launch = member.launch
        self._log.warning(
            "Ready machine %s of launch %s has ended or says nothing: another takes "
            "its place",
            launch.instance_id,
            launch.id,
        )
        for choice in self._choices:
            if member.kind in choice.kinds and not launch.claimed_at:
                self._pause(choice)
        self._end(member, fleet)

    def _find(self, strangers: Iterable[Machine], fleet: Fleet) -> None:
        """Take on machines that an earlier life of the Hub has launched."""
        records = read_records(self._app.db)
        for machine in strangers:
            named = records.owner_of(machine) or records.doomed_of(machine)
            ours = machine.database in ("", runtime().database)
            # Whoever has it listens for it.
            taken = self._pool.registry.get(machine.launch_id) is not None
            if ours and not named and not taken and machine.private_ip:
                self._join(machine, machine.ready_kind, fleet)

    def _join(self, machine: Machine, kind: str, fleet: Fleet) -> None:
        of_kind = (c.settings for c in self._choices if kind in c.kinds)
        settings = next(of_kind, self._settings)
        launch = Launch(
            "",
            machine.launch_id,
            Phase.BOOTING,
            client_token=machine.client_token,
            launched_at=time.time(),
            region=fleet.region,
            instance_id=machine.id,
            private_ip=machine.private_ip,
            zone=machine.zone,
            instance_type=machine.instance_type,
            market=machine.market,
            image_id=machine.image_id,
            nonce_hash=secret_hash(self._pool.nonce(machine.launch_id)),
        )
        registry = self._pool.registry
        self._pool.join(Member(launch, kind, settings, registry, fleet.inventory))

    # -- what is done --------------------------------------------------------------

    def _fill(self) -> None:
        wants = [
            Want(c.kinds, c.wish.count_at(time.time()), c.usd)
            for c in self._choices
            if c.kinds
        ]
        there = {m.launch.id: m.kind for m in self._pool.members}
        coming: Counter[frozenset[str]] = Counter()
        for choice in self._choices:
            coming[choice.kinds] += len(choice.coming)
        done = fill(wants, there, coming, self._bounds())
        members = {m.launch.id: m for m in self._pool.members}
        fleets = {c.fleet.region: c.fleet for c in self._choices}
        for launch_id in done.end:
            member = members[launch_id]
            self._log.info("Ready machine %s is ended", member.launch.instance_id)
            self._end(member, fleets[member.launch.region])
        for kinds, count in done.launch.items():
            choice = next(c for c in self._choices if c.kinds == kinds)
            if time.monotonic() >= choice.pause_until:
                for _ in range(min(count, _AT_ONCE - len(choice.coming))):
                    self._begin(choice)

    def _bounds(self) -> Bounds:
        spawner = self._settings
        most = spawner.max_ready_machines
        if spawner.max_machines:
            others = sum(
                not (machine.gone or machine.build or self._pool.has(machine))
                for fleet in runtime().fleets
                if fleet.inventory.listing is not None
                for machine in fleet.inventory.listing.machines.values()
            )
            most = min(most, max(0, spawner.max_machines - others))
        return Bounds(most, spawner.max_ready_usd_per_hour)

    def _end(self, member: Member, fleet: Fleet) -> None:
        self._pool.drop(member)
        fleet.terminate_later(member.doomed)

    def _begin(self, choice: Choice) -> None:
        task = asyncio.ensure_future(self._launch(choice))
        choice.coming.add(task)
        task.add_done_callback(choice.coming.discard)
        task.add_done_callback(lambda _: self._pool.changed.set())

    async def _launch(self, choice: Choice) -> None:
        launch_id, pool = new_launch_id(), self._pool
        with pool.coming(launch_id):
            try:
                machine, kind = await self._machine(choice, launch_id)
            except (EC2Error, EC2SpawnError) as e:
                self._failed(choice, e)
                return
        choice.failures = 0
        self._news.over(choice.wish.name)
        self._log.info(
            "Machine %s in %s is made ready: %s",
            machine.id,
            machine.zone,
            choice.wish.name,
        )
        self._join(machine, kind, choice.fleet)

    async def _machine(self, choice: Choice, launch_id: str) -> tuple[Machine, str]:
        settings, fleet = choice.settings, choice.fleet
        data = user_data_of(
            settings,
            settings.cmd,
            settings.hub_api_url,
            launch_id,
            self._pool.nonce(launch_id),
            runtime().hub_ca,
        )
        who = LaunchIdentity(
            settings.hub_id,
            "",
            launch_id,
            lease_until=time.time() + settings.hub_silence_limit,
            database=runtime().database,
        )
        plan = as_ready(await self._planned(choice, who, data), choice.told)
        kinds: list[str] = []

        def attempt(attempt: Attempt) -> None:
            kinds.append(kind_of(attempt.candidate.request, choice.told))

        def abandon(client_token: str) -> None:
            fleet.terminate_later(
                Doomed(launch_id, region=fleet.region, client_token=client_token)
            )

        reporter = Reporter(attempt, abandon, lambda text: None)
        machine = await fleet.attempts(plan, reporter).next()
        fleet.inventory.told(machine)
        return machine, kinds[-1]

    def _failed(self, choice: Choice, error: EC2Error | EC2SpawnError) -> None:
        self._pause(choice)
        why = admin_hint(error) if isinstance(error, EC2Error) else error.log_message
        name = choice.wish.name
        text = "No machine is made ready for %s, tried again later: %s"
        self._news.say(name, why, text, name, why)

    @staticmethod
    def _pause(choice: Choice) -> None:
        pause = min(_FIRST_PAUSE * 2**choice.failures, _LONGEST_PAUSE)
        choice.failures += 1
        choice.pause_until = time.monotonic() + pause
