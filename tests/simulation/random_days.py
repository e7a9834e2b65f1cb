"""What may happen to two hubs in one account, in any order."""

from __future__ import annotations

import contextlib
from typing import Any

from localec2 import LocalSettings

from .coverage import Coverage
from .day_checks import Checks
from .day_plan import Plan, Step, may_happen, plan_of
from .random_faults import OUTAGES, SINGLE, cells
from .virtual_hub import Hub
from .virtual_machine import VirtualUse
from .virtual_time import BEGIN
from .virtual_world import ELSEWHERE, HOME

USERS = ("alice", "bob")
HUBS = (0, 1)
SIZES = ("small", "large")
#: one more choice where a hub has two regions: small, in the other one
FAR = "far"
REGIONS = (HOME, ELSEWHERE)
# Most moments of a start or a stop are within its first 40 steps.
MOMENTS = range(41)
ENDS = ("EC2 loses it", "its server ends", "it shuts down", "an admin terminates it")
#: the calls of which a day may aim at each kind of fault, in each phase of a server
AIMS = [Step("ec2_will_fail", (("cell", cell),)) for cell in cells({})]

SETTINGS = {
    "fast_interval": 2,
    "slow_interval": 30,
    "poll_interval": 30,
    "sweep_interval": 60,
    "prices_region": "us-east-1",
    "sweep_grace": 120,
    "claim_timeout": 120,
    "start_timeout": 200,
    "stop_timeout": 20,
    "idle_timeout": 60,
    "home_size": 1,
    "root_volume_size": 20,
}
#: what each hub is one of
CHOSEN = {
    "home": ["none", "user", "user", "server"],
    "home_may_move": [False, False, False, True],
    "home_on_delete": ["keep", "keep", "snapshot", "delete"],
    "on_stop": ["terminate", "stop", "stop", "hibernate"],
    "stopped_ttl": [0, 100],
    "two_regions": [False, False, True],
}


def profile(name: str, **override: Any) -> dict[str, Any]:
    return {"display_name": name, "ec2spawner_override": override}


class Day(Checks):
    """One day, step by step."""

    def begin(self, plan: Plan) -> None:
        self.world.cloud.settings = self.world.cloud.settings.changed(
            {"hibernation_ready_seconds": 0}
        )
        for chosen in plan.hubs:
            self.hubs.append(self._hub(**chosen))
            self.hubs[-1].start()
        self._meet_users(*self.hubs)

    def _hub(self, two_regions: bool, **chosen: Any) -> Hub:
        profiles = [profile(name, instance_type=f"t3.{name}") for name in SIZES]
        if two_regions:
            there = self.world.settings_in(ELSEWHERE)
            profiles.append(profile(FAR, instance_type="t3.small", **there))
        return self.world.hub(**SETTINGS, **chosen, profile_list=profiles)

    def do(self, step: Step) -> None:
        self.world.note("", str(step), {})
        getattr(self, step.what)(**dict(step.choices))

    def _meet_users(self, *hubs: Hub) -> None:
        for hub in hubs:
            for user in USERS:
                hub.call("POST", f"/users/{user}")
        # EC2 tells when a machine was launched by the second, and what looks older
        # than the database is left to a person.
        self.time_passes(2)

    # -- people ----------------------------------------------------------------

    @may_happen(6, number=HUBS, user=USERS, size=(*SIZES, FAR))
    def start_server(self, number: int, user: str, size: str) -> None:
        if len(self.hubs[number].settings["profile_list"]) == len(SIZES):
            size = size.replace(FAR, SIZES[0])
        options = {"user_options": {"profile": size}}
        self.up(number).call("POST", f"/users/{user}/server", options)

    @may_happen(4, number=HUBS, user=USERS)
    def stop_server(self, number: int, user: str) -> None:
        self.calm.pop((number, user), None)
        self.up(number).call("DELETE", f"/users/{user}/server")

    @may_happen(number=HUBS, user=USERS)
    def delete_user(self, number: int, user: str) -> None:
        for name in (user, f"{user}/lab"):
            self.calm.pop((number, name), None)
        self.homes_may_go(number, user)
        self.up(number).call("DELETE", f"/users/{user}")
        if self.hubs[number].alive:
            self.hubs[number].call("POST", f"/users/{user}")

    @may_happen(number=HUBS, user=USERS)
    def start_named_server(self, number: int, user: str) -> None:
        self.up(number).call("POST", f"/users/{user}/servers/lab")

    @may_happen(number=HUBS, user=USERS)
    def delete_named_server(self, number: int, user: str) -> None:
        self.calm.pop((number, f"{user}/lab"), None)
        self.homes_may_go(number, user)
        path = f"/users/{user}/servers/lab"
        self.up(number).call("DELETE", path, {"remove": True})

    # -- the Hub's process -------------------------------------------------------

    @may_happen(1, number=HUBS)
    def kill_hub(self, number: int) -> None:
        self.hubs[number].kill()

    @may_happen(1, number=HUBS)
    def restart_hub(self, number: int) -> None:
        self.hubs[number].kill()
        self.up(number)

    @may_happen(number=HUBS, user=USERS, moment=MOMENTS)
    def hub_dies_in_a_start(self, number: int, user: str, moment: int) -> None:
        hub = self.up(number)
        hub.steps_left = moment
        hub.call("POST", f"/users/{user}/server")
        self._live_on(hub)

    @may_happen(number=HUBS, user=USERS, moment=MOMENTS)
    def hub_dies_in_a_stop(self, number: int, user: str, moment: int) -> None:
        self.calm.pop((number, user), None)
        hub = self.up(number)
        hub.steps_left = moment
        hub.call("DELETE", f"/users/{user}/server")
        self._live_on(hub)

    @may_happen(1, number=HUBS, moment=MOMENTS)
    def hub_dies_while_it_comes_back(self, number: int, moment: int) -> None:
        hub = self.hubs[number]
        hub.kill()
        hub.steps_left = moment
        hub.start()
        self._live_on(hub)

    @may_happen(1, number=HUBS)
    def database_is_lost(self, number: int) -> None:
        """An admin ends the machines, which no database knows any more."""
        hub = self.hubs[number]
        hub.kill()
        self.calm = {who: id for who, id in self.calm.items() if who[0] != number}
        with contextlib.suppress(FileNotFoundError):  # it died before it had any
            (hub.folder / "jupyterhub.sqlite").unlink()
        for instance in self.world.living(hub):
            self.world.cloud.lifecycle.terminate(instance)
        self.time_passes(10)
        hub.take_writes()
        hub.start()
        self._meet_users(hub)

    @may_happen(number=HUBS, commits=MOMENTS, seconds=[5, 25, 100])
    def database_takes_nothing(self, number: int, commits: int, seconds: float) -> None:
        """It is read-only after so many commits, as it may be full or locked."""
        self.hubs[number].refuse_writes(commits, seconds)

    def _live_on(self, hub: Hub) -> None:
        if hub.alive and hub.steps_left is not None:
            hub.pass_time(10)
            hub.steps_left = None

    # -- EC2 -----------------------------------------------------------------------

    @may_happen(1, cell=[("RunInstances", "unavailable", "requested")])
    def ec2_will_fail(self, cell: tuple[str, str, str]) -> None:
        """Once, as soon as that call is made while a server is in that phase."""
        self.world.faults.aims.append(cell)

    @may_happen(
        4, what=[*SINGLE, *OUTAGES * 4], times=[1, 4, None], where=["*", "*", *REGIONS]
    )
    def ec2_fails(self, what: tuple[str, str], times: int | None, where: str) -> None:
        action, kind = what
        self.world.fail(action, kind, times, where)

    @may_happen()
    def ec2_recovers(self) -> None:
        self.world.faults.clear()

    @may_happen(1, seconds=[0.05, 5.0, 25.0])
    def ec2_takes_its_time(self, seconds: float) -> None:
        self.world.seconds = {"RunInstances": seconds, "TerminateInstances": seconds}

    @may_happen(1, seconds=[0.0, 20.0])
    def ec2_hides_what_is_new(self, seconds: float) -> None:
        self._settings(consistency_seconds=seconds)

    @may_happen(1, seconds=[1.0, 40.0])
    def machines_take_long_to_run(self, seconds: float) -> None:
        self._settings(pending_seconds=seconds)

    @may_happen(zones=["a", "b", "ab", ""], region=[HOME, *REGIONS])
    def zones_are_sold_out(self, zones: str, region: str) -> None:
        self._settings(capacity={f"*/{region}{zone}": 0 for zone in zones})

    def _settings(self, **changes: Any) -> None:
        settings: LocalSettings = self.world.cloud.settings
        self.world.cloud.settings = settings.changed(changes)

    # -- machines --------------------------------------------------------------------

    @may_happen(4, whose=range(12), how=ENDS)
    def machine_ends(self, whose: int, how: str) -> None:
        if not self.calm:
            return
        server = sorted(self.calm)[whose % len(self.calm)]
        instance_id = self.calm.pop(server)
        machine = self.world.machine(instance_id)
        assert machine is not None
        if how == "EC2 loses it":
            self.world.lose(instance_id)
        elif how == "its server ends":
            machine.crash_server()
        elif how == "it shuts down":
            machine.power_off()
        else:
            instance = self.world.cloud.instance(instance_id)
            self.world.cloud.lifecycle.terminate(instance)  # type: ignore[arg-type]
        # It looks well until then.
        self.world.events.run_due()

    @may_happen(3, whose=range(12))
    def somebody_leaves(self, whose: int) -> None:
        """Nobody uses a server any more: its Hub stops it when its time is over."""
        if not self.calm:
            return
        server = sorted(self.calm)[whose % len(self.calm)]
        machine = self.world.machine(self.calm.pop(server))
        assert machine is not None
        machine.use = VirtualUse(self.world.time.now)
        machine.beat_at = 0.0

    @may_happen(1, number=HUBS, far=[False, True])
    def somebody_leaks_a_machine(self, number: int, far: bool) -> None:
        """As a bug of ours might: a machine that no database has ever known."""
        hub = self.hubs[number]
        if self.leaks < 2:
            self.leaks += 1
            far = far and len(hub.settings["profile_list"]) > len(SIZES)
            self.world.leak(hub, REGIONS[far])

    # -- time --------------------------------------------------------------------------

    @may_happen(8, seconds=[1, 3, 10, 40, 150, 600])
    def time_passes(self, seconds: float) -> None:
        """Both hubs live through it, a little of each at a time."""
        until = self.world.time.now + seconds
        while (left := until - self.world.time.now) > 0:
            for hub in self.hubs:
                if hub.alive:
                    hub.run_until(self.world.time.now + min(left, 5.0))
            self.world.wait_until(min(until, self.world.time.now + 0.1))


def plan(seed: int) -> Plan:
    """The day of a seed."""
    return plan_of(seed, Day, CHOSEN, AIMS)


def live_through(make_world: Any, day: Plan, met: Coverage | None = None) -> Day:
    """All of a day, and what must be so during it and at its end.

    :param met: is told which faults met which calls
    :raises AssertionError: it is not so
    """
    lived = Day(make_world(day.seed))
    if met is not None:
        lived.world.faults.coverage = met
    try:
        lived.begin(day)
        for step in day.steps:
            lived.do(step)
            lived.check()
        lived.make_good()
        lived.check_the_end()
        lived.passed = lived.world.time.now - BEGIN
        return lived
    finally:
        lived.world.close()
