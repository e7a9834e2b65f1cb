"""What a Hub does with machines and homes, and dies of. Time is free here.

As in ``test_kill_at_every_step.py`` nobody writes the steps down: the Hub dies at its
first, at its second, and so on until it lives through the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

from ec2spawner.core.state import ServerState

from .virtual_world import saved

AWAKE = ("pending", "running")
STATED_SECONDS = 400
SETTINGS = {
    "home": "user",
    "home_size": 1,
    "fast_interval": 2,
    "slow_interval": 10,
    "start_timeout": 200,
    "claim_timeout": 120,
    "stop_timeout": 20,
    "sweep_interval": 20,
    "sweep_grace": 40,
    "profile_list": [
        {"display_name": name, "ec2spawner_override": {"instance_type": f"t3.{name}"}}
        for name in ("small", "large")
    ],
}
#: for hubs that are watched for hours: what is looked at every few seconds otherwise
#: is most of such a test's own time
OVER_HOURS = {**SETTINGS, "slow_interval": 60, "sweep_interval": 300}
NO_CAPACITY = {"error": ("InsufficientInstanceCapacity", 500)}


def by_day(*chosen: tuple[Any, ...]) -> list[Any]:
    """For parametrize: each value with each other, of which by day only some are tried.

    :param chosen: those of the day; together they name every value once at least
    """
    values = [dict.fromkeys(column) for column in zip(*chosen)]
    return [
        case if case in chosen else pytest.param(*case, marks=pytest.mark.slow)
        for case in product(*values)
    ]


@dataclass(frozen=True)
class Scenario:
    """What a Hub is about to do when it is killed, and what was done before."""

    act: str
    before: tuple[str, ...] = ()
    on_stop: str = "stop"
    #: action of EC2 -> what goes wrong with it meanwhile
    faults: dict[str, Any] = field(default_factory=dict)
    #: a call that must be among its steps
    call: str = ""
    #: for how long it goes wrong; 0 until it is done all the same
    seconds: float = 0
    #: until when the zone of the home has no machine
    sold_out: str = ""
    #: the home is given up with its user
    gives_up: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


SCENARIOS = {
    "the first start": Scenario("start small", call="CreateVolume"),
    "a start on a fresh machine": Scenario(
        "start small", ("start small", "stop"), "terminate", call="AttachVolume"
    ),
    "the end of a machine": Scenario(
        "stop", ("start small",), "terminate", call="TerminateInstances"
    ),
    "the end of a machine that EC2 refuses to end": Scenario(
        "stop",
        ("start small",),
        "terminate",
        faults={"TerminateInstances": {"error": ("Unavailable", 503)}},
        call="TerminateInstances",
        seconds=12,
    ),
    "going to rest": Scenario("stop", ("start small",), call="StopInstances"),
    "waking up": Scenario(
        "start small", ("start small", "stop"), call="StartInstances"
    ),
    "waking up in another size": Scenario(
        "start large", ("start small", "stop"), call="ModifyInstanceAttribute"
    ),
    "a fresh machine for one that cannot wake up": Scenario(
        "start small",
        ("start small", "stop"),
        faults={"StartInstances": NO_CAPACITY},
        call="AttachVolume",
    ),
    "a fresh machine that fails in place of one that cannot wake up": Scenario(
        "try small",
        ("start small", "stop"),
        faults={
            "StartInstances": NO_CAPACITY,
            "RunInstances": {"state_reason": ("Server.InternalError", "host failure")},
        },
        call="RunInstances",
    ),
    "the deletion of a user at work": Scenario("delete", ("start small",)),
    "the deletion of a user at rest": Scenario("delete", ("start small", "stop")),
    "a home that moves to another zone": Scenario(
        "start small",
        ("start small", "stop"),
        "terminate",
        call="CreateSnapshot",
        sold_out="until all is over",
        settings={"home_may_move": True},
    ),
    "a home that need not move after all": Scenario(
        "start small",
        ("start small", "stop"),
        "terminate",
        call="CreateSnapshot",
        sold_out="as long as the Hub lives",
        settings={"home_may_move": True},
    ),
    "the deletion of a home": Scenario(
        "delete",
        ("start small", "stop"),
        "terminate",
        call="CreateTags",
        gives_up=True,
        settings={"home_on_delete": "delete"},
    ),
    "the deletion of a home that is kept as a snapshot": Scenario(
        "delete",
        ("start small", "stop"),
        "terminate",
        call="CreateTags",
        gives_up=True,
        settings={"home_on_delete": "snapshot"},
    ),
}
# How long what a move has left over stays, and how long a sweep may take to see it.
MOVE_SECONDS = 3600


class HubWithHomes:
    """A hub that dies at a step of a scenario, and what must be so afterwards."""

    def __init__(self, world: Any, scenario: Scenario) -> None:
        self.world, self.scenario = world, scenario
        changed = {"on_stop": scenario.on_stop, **scenario.settings}
        self.hub = world.hub(**{**SETTINGS, **changed})
        self.hub.start()
        # What looks older than the database is left to a person.
        self.hub.pass_time(2)
        self.user = ""

    def die_at(self, moment: int, of: str = "") -> bool:
        """Kill the Hub at that step of the scenario.

        :param of: how the steps begin that count; all of them do without it
        :returns: whether the scenario has so many steps
        """
        hub, self.user = self.hub, f"user-{moment}"
        hub.call("POST", f"/users/{self.user}")
        for act in self.scenario.before:
            self.do(act)
        for action, fault in self.scenario.faults.items():
            self.world.fault(action, **fault)
        if self.scenario.sold_out:
            (home,) = self.homes_of_user()
            self._capacity({f"*/{home.availability_zone}": 0})
        hub.steps.clear()
        hub.deadly, hub.steps_left = of, moment
        self.do(self.scenario.act, self.scenario.seconds)
        died = not hub.alive
        hub.deadly, hub.steps_left = "", None
        self.world.cloud.faults.clear()
        if self.scenario.sold_out == "as long as the Hub lives":
            self._capacity({})
        if died:
            hub.start()
        return died

    def _capacity(self, capacity: dict[str, int]) -> None:
        settings = self.world.cloud.settings
        self.world.cloud.settings = settings.changed({"capacity": capacity})

    def do(self, act: str, seconds: float = 0) -> None:
        """Until it is done, or that long, or the Hub is dead."""
        what, _, size = act.partition(" ")
        path = f"/users/{self.user}"
        if what in ("start", "try"):
            options = {"user_options": {"profile": size}}
            self.hub.call("POST", f"{path}/server", options)
        else:
            self.hub.call("DELETE", f"{path}/server" if what == "stop" else path)
        if seconds:
            self.hub.pass_time(seconds)
        elif what == "start":
            self.pass_until(lambda: self.user in self.hub.serving(), 120)
        else:
            self.pass_until(self.is_over, 60)

    def pass_until(self, check: Any, seconds: float) -> None:
        def so() -> bool:
            assert sum(i.state in AWAKE for i in self.living()) <= 1
            return not self.hub.alive or check()

        self.hub.pass_until(so, seconds)

    def living(self) -> list[Any]:
        """The machines of the present user; others have none."""
        living: list[Any] = self.world.living(self.hub)
        return living

    def is_over(self) -> bool:
        """No server, and no machine but one that rests and is remembered."""
        spawner = self.hub.spawners.get(self.user)
        if spawner is not None and (spawner.active or spawner.pending):
            return False
        _, state = saved(self.hub).get((self.user, ""), (False, ServerState()))
        if state.doomed:
            return False
        stopped = state.stopped
        wanted = [(stopped.instance_id, "stopped")] if stopped else []
        # What was to rest may have ended; the next start will see that.
        return [(i.id, i.state) for i in self.living()] in (wanted, [])

    def check(self) -> None:
        """All is well, the next click works, and nothing is left over after it."""
        if self.scenario.act.startswith(("start", "try")):
            # Somebody who does not wait until the Hub knows what became of the first.
            self.hub.call("POST", f"/users/{self.user}/server")
        self.pass_until(
            lambda: self.user in self.hub.serving() or self.is_over(), STATED_SECONDS
        )
        if self.scenario.gives_up:
            self.do("delete")
            return
        self.hub.call("POST", f"/users/{self.user}")
        if self.user not in self.hub.serving():
            self.do("start small")
        (home,) = self.homes_of_user()
        assert home.attachment.instance.id == self.hub.serving()[self.user]
        self.do("stop")
        self.do("delete")
        self._capacity({})
        assert not self.living()
        assert not self.world.disks.wrongs

    def homes_of_user(self) -> list[Any]:
        home_id = saved(self.hub)[self.user, ""][1].home_id
        homes: dict[str, list[Any]] = self.world.homes(self.hub)
        return next(f for f in homes.values() if home_id in [v.id for v in f])

    def check_the_end(self) -> None:
        """After the sweep there are homes, one for each user, and nothing else."""
        sweeps = 3 * SETTINGS["sweep_interval"] + SETTINGS["sweep_grace"]
        self.hub.pass_time(sweeps + (MOVE_SECONDS if self.scenario.sold_out else 0))
        assert self.world.strays(self.hub) == []
        homes, disks = self.world.homes(self.hub), self.world.disks
        assert all(len(volumes) == 1 for volumes in homes.values()), homes
        kept = [volume.id for (volume,) in homes.values()]
        if self.scenario.gives_up:
            assert not homes
            kept = self.world.archives(self.hub)
        if self.scenario.settings.get("home_on_delete") == "delete":
            assert not kept
            return
        found = {disks.disks[id].owner: disks.disks[id].notes for id in kept}
        assert found == disks.written and len(kept) == len(found)
