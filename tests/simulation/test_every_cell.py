"""One life for each cell of the table of phases and wishes (``core/state.py``).

The table says what is to be done next; here somebody wants it at that very moment, and
EC2 shows what was done. A cell without a test is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from ec2spawner.core.state import ACTS, Act, Launch, Phase, ServerState, Wish

from ..hub.hub_process import ADMIN_TOKEN as TOKEN
from .scenarios import NO_CAPACITY, SETTINGS
from .virtual_world import saved

AWAKE = ("pending", "running")
CELLS: dict[tuple[Phase, Wish], Callable[[Alice], None]] = {}


def cell(phase: Phase, wish: Wish) -> Any:
    def note(test: Callable[[Alice], None]) -> Callable[[Alice], None]:
        CELLS[phase, wish] = test
        return test

    return note


class Alice:
    """A user, her server, and what EC2 has of it."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.hub = world.hub(**{**SETTINGS, "home": "none", "on_stop": "stop"})
        self.hub.start()
        self.hub.call("POST", "/users/alice")
        self.hub.pass_time(2)

    @property
    def launch(self) -> Launch:
        """What the Hub remembers; of a dead one, what its database does."""
        spawner = self.hub.spawners.get("alice") if self.hub.alive else None
        if spawner is None:
            return saved(self.hub).get(("alice", ""), (False, ServerState()))[1].current
        launch: Launch = spawner.context.launch
        return launch

    @property
    def machines(self) -> list[tuple[str, str]]:
        return [(i.id, i.state) for i in self.world.living(self.hub)]

    @property
    def off(self) -> bool:
        spawner = self.hub.spawners.get("alice")
        return spawner is None or not (spawner.active or spawner.pending)

    def clicks_start(self) -> None:
        """Without waiting for what comes of it."""
        work = self.hub.request("POST", "/hub/api/users/alice/server", None, TOKEN)
        self.hub.loop.create_task(work)

    def clicks_stop(self) -> None:
        work = self.hub.request("DELETE", "/hub/api/users/alice/server", None, TOKEN)
        self.hub.loop.create_task(work)

    def until(self, check: Callable[[], bool], seconds: float = 100) -> None:
        until = self.world.time.now + seconds
        while not check():
            assert self.world.time.now < until, (self.launch, self.machines)
            self.hub.pass_time(0.2)

    def is_in(self, phase: Phase) -> None:
        """Live until the launch has come that far, and no further."""
        self.until(lambda: self.launch.phase is phase)

    def serves(self) -> str:
        self.until(lambda: "alice" in self.hub.serving())
        machine: str = self.hub.serving()["alice"]
        return machine

    def has_served(self) -> str:
        """A machine of hers is stopped."""
        self.clicks_start()
        machine = self.serves()
        self.clicks_stop()
        self.until(lambda: self.machines == [(machine, "stopped")] and self.off)
        self.hub.steps.clear()
        return machine

    def slow(self, action: str, seconds: float) -> None:
        """EC2 takes its time to answer."""
        self.world.seconds[action] = seconds

    def asked(self, action: str) -> int:
        """How often EC2 was asked for that."""
        asked: int = self.hub.steps.count(f"before {action}")
        return asked


@pytest.fixture
def alice(world: Any) -> Any:
    yield Alice(world)
    world.seconds.clear()
    world.silent = False


@pytest.mark.parametrize(
    "phase, wish", list(product(Phase, Wish)), ids=lambda part: part.value
)
def test_what_the_table_says_is_what_is_done(alice, phase, wish):
    assert (phase, wish) in ACTS
    CELLS[phase, wish](alice)


# -- planned ----------------------------------------------------------------------


def wakes_late(alice: Alice) -> str:
    """A start that waits until her machine has stopped, and EC2 takes a minute."""
    settings = alice.world.cloud.settings
    alice.world.cloud.settings = settings.changed({"stopping_seconds": 60.0})
    alice.clicks_start()
    machine = alice.serves()
    alice.clicks_stop()
    alice.until(lambda: alice.machines == [(machine, "stopping")] and alice.off)
    alice.hub.steps.clear()
    alice.clicks_start()
    alice.is_in(Phase.PLANNED)
    alice.hub.pass_time(5)
    assert (alice.launch.phase, alice.asked("StartInstances")) == (Phase.PLANNED, 0)
    return machine


@cell(Phase.PLANNED, Wish.SERVE)
def asks_ec2_when_the_machine_has_stopped(alice: Alice) -> None:
    machine = wakes_late(alice)
    assert alice.serves() == machine
    assert alice.asked("StartInstances") == 1


@cell(Phase.PLANNED, Wish.KEEP)
def a_cancelled_wake_up_leaves_the_machine_stopped(alice: Alice) -> None:
    machine = wakes_late(alice)
    alice.clicks_stop()
    alice.until(lambda: alice.off)
    alice.hub.pass_time(120)
    assert alice.machines == [(machine, "stopped")]
    assert not alice.asked("StartInstances") and not alice.asked("RunInstances")
    alice.clicks_start()
    assert alice.serves() == machine


@cell(Phase.PLANNED, Wish.END)
def a_start_that_fails_before_it_asks_keeps_the_stopped_machine(alice: Alice) -> None:
    machine = alice.has_served()
    alice.world.fault("DescribeImages", error=("UnauthorizedOperation", 403))
    alice.hub.settings["image"] = "ami-0123456789abcdef0"
    alice.hub.kill()
    alice.hub.start()
    alice.clicks_start()
    alice.hub.pass_time(30)
    assert alice.off and alice.machines == [(machine, "stopped")]
    assert not alice.asked("StartInstances") and not alice.asked("RunInstances")


# -- requested ----------------------------------------------------------------------


@cell(Phase.REQUESTED, Wish.SERVE)
def a_restarted_hub_looks_for_what_it_had_asked_for(alice: Alice) -> None:
    alice.hub.deadly, alice.hub.steps_left = "after RunInstances", 0
    alice.clicks_start()
    alice.until(lambda: not alice.hub.alive)
    assert alice.launch.phase is Phase.REQUESTED
    ((machine, _),) = alice.machines
    alice.hub.deadly = ""
    alice.hub.start()
    assert alice.serves() == machine
    assert alice.asked("RunInstances") == 1


@cell(Phase.REQUESTED, Wish.KEEP)
def a_machine_that_is_just_being_woken_is_stopped_again(alice: Alice) -> None:
    machine = alice.has_served()
    alice.slow("StartInstances", 8)
    alice.clicks_start()
    alice.is_in(Phase.REQUESTED)
    alice.clicks_stop()
    alice.until(lambda: alice.off)
    alice.until(lambda: alice.machines == [(machine, "stopped")])
    assert not alice.asked("TerminateInstances")
    alice.world.seconds.clear()
    alice.clicks_start()
    assert alice.serves() == machine


@cell(Phase.REQUESTED, Wish.END)
def a_machine_that_is_just_being_asked_for_is_ended(alice: Alice) -> None:
    alice.slow("RunInstances", 8)
    alice.clicks_start()
    alice.is_in(Phase.REQUESTED)
    alice.clicks_stop()
    alice.until(lambda: alice.off)
    alice.until(lambda: alice.machines == [])
    assert (alice.asked("RunInstances"), alice.asked("TerminateInstances")) == (1, 1)


# -- booting --------------------------------------------------------------------------


@cell(Phase.BOOTING, Wish.SERVE)
def a_restarted_hub_waits_for_the_claim(alice: Alice) -> None:
    alice.clicks_start()
    alice.is_in(Phase.BOOTING)
    machine = alice.launch.instance_id
    alice.hub.kill()
    alice.hub.start()
    assert alice.serves() == machine
    assert alice.machines == [(machine, "running")]


@cell(Phase.BOOTING, Wish.KEEP)
def a_machine_that_is_waking_up_is_stopped_again(alice: Alice) -> None:
    machine = alice.has_served()
    alice.world.silent = True
    alice.clicks_start()
    alice.is_in(Phase.BOOTING)
    alice.clicks_stop()
    alice.until(lambda: alice.off)
    alice.until(lambda: alice.machines == [(machine, "stopped")])
    assert not alice.asked("TerminateInstances")


@cell(Phase.BOOTING, Wish.END)
def a_machine_that_has_never_served_is_ended(alice: Alice) -> None:
    alice.world.silent = True
    alice.clicks_start()
    alice.is_in(Phase.BOOTING)
    alice.clicks_stop()
    alice.until(lambda: alice.off and alice.machines == [])
    assert not alice.asked("StopInstances")


# -- claimed --------------------------------------------------------------------------


@cell(Phase.CLAIMED, Wish.SERVE)
def a_restarted_hub_waits_for_the_server(alice: Alice) -> None:
    alice.clicks_start()
    alice.is_in(Phase.CLAIMED)
    machine = alice.launch.instance_id
    alice.hub.kill()
    alice.hub.start()
    assert alice.serves() == machine


@cell(Phase.CLAIMED, Wish.KEEP)
def a_woken_machine_with_orders_is_stopped_again(alice: Alice) -> None:
    machine = alice.has_served()
    alice.clicks_start()
    alice.is_in(Phase.CLAIMED)
    alice.clicks_stop()
    alice.until(lambda: alice.off)
    alice.until(lambda: alice.machines == [(machine, "stopped")])
    assert not alice.asked("TerminateInstances")


@cell(Phase.CLAIMED, Wish.END)
def a_machine_with_orders_that_never_served_is_ended(alice: Alice) -> None:
    alice.clicks_start()
    alice.is_in(Phase.CLAIMED)
    alice.clicks_stop()
    alice.until(lambda: alice.off and alice.machines == [])
    assert not alice.asked("StopInstances")


# -- ready ----------------------------------------------------------------------------


@cell(Phase.READY, Wish.SERVE)
def a_server_is_looked_at_and_left_alone(alice: Alice) -> None:
    alice.clicks_start()
    machine = alice.serves()
    alice.hub.steps.clear()
    alice.hub.pass_time(120)
    assert alice.hub.serving() == {"alice": machine}
    asked = {"StopInstances", "TerminateInstances", "StartInstances", "RunInstances"}
    assert not [action for action in asked if alice.asked(action)]


@cell(Phase.READY, Wish.KEEP)
def a_machine_that_has_served_is_stopped(alice: Alice) -> None:
    machine = alice.has_served()
    assert alice.launch.act is Act.NOTHING
    assert saved(alice.hub)["alice", ""][1].stopped.instance_id == machine


@cell(Phase.READY, Wish.END)
def a_machine_that_cannot_be_stopped_is_terminated(alice: Alice) -> None:
    alice.clicks_start()
    alice.serves()
    alice.world.fault("StopInstances", error=("UnsupportedOperation", 400))
    alice.clicks_stop()
    alice.until(lambda: alice.off and alice.machines == [])
    assert alice.asked("TerminateInstances") == 1


# -- over -----------------------------------------------------------------------------


@cell(Phase.OVER, Wish.SERVE)
def where_ec2_refused_for_certain_there_is_nothing_to_look_for(alice: Alice) -> None:
    alice.world.fault("RunInstances", **NO_CAPACITY)
    alice.clicks_start()
    alice.until(lambda: alice.asked("RunInstances") > 0)
    alice.until(lambda: alice.off)
    alice.hub.pass_time(60)
    assert alice.machines == [] and not alice.asked("TerminateInstances")
    assert not saved(alice.hub)["alice", ""][1].doomed


@cell(Phase.OVER, Wish.KEEP)
def what_is_stopped_is_not_stopped_again(alice: Alice) -> None:
    machine = alice.has_served()
    alice.hub.kill()
    alice.hub.start()
    alice.hub.pass_time(60)
    assert alice.machines == [(machine, "stopped")]
    assert not alice.asked("StopInstances") and not alice.asked("TerminateInstances")


@cell(Phase.OVER, Wish.END)
def what_has_ended_is_not_ended_again(alice: Alice) -> None:
    alice.world.silent = True
    alice.clicks_start()
    alice.is_in(Phase.BOOTING)
    alice.clicks_stop()
    alice.until(lambda: alice.off and alice.machines == [])
    alice.hub.steps.clear()
    alice.hub.kill()
    alice.hub.start()
    alice.hub.pass_time(60)
    assert not alice.asked("TerminateInstances")
