"""What can happen to what outlives a launch: a stopped machine, a doomed one, a home.

Pure. They need no launch, and come when nobody waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .event import Event, NotNow
from .state import Doomed, HomeRef, ServerState, StoppedMachine


@dataclass(frozen=True)
class StopConfirmed(Event):
    """EC2 has confirmed that a machine of an earlier launch is stopping."""

    machine: StoppedMachine

    def _after(self, state: ServerState) -> ServerState:
        _check_stopped(state, self.machine)
        return replace(state, stopped=replace(self.machine, certain=True))


@dataclass(frozen=True)
class StoppedMachineGone(Event):
    """The stopped machine has ended, EC2 says."""

    machine: StoppedMachine

    def _after(self, state: ServerState) -> ServerState:
        _check_stopped(state, self.machine)
        return replace(state, stopped=None)


@dataclass(frozen=True)
class StoppedMachineUnwanted(Event):
    """The stopped machine is to be terminated."""

    machine: StoppedMachine

    def _after(self, state: ServerState) -> ServerState:
        _check_stopped(state, self.machine)
        return replace(state, stopped=None).with_doomed(self.machine.doomed)


def _check_stopped(state: ServerState, machine: StoppedMachine) -> None:
    launch = state.current
    in_use = state.may_have_machine and launch.instance_id == machine.instance_id
    if state.stopped != machine or in_use:
        raise NotNow(f"{machine.instance_id} is not what is stopped")


@dataclass(frozen=True)
class DoomedGone(Event):
    """EC2 has confirmed that nothing is left of what was doomed."""

    doomed: Doomed

    def _after(self, state: ServerState) -> ServerState:
        return replace(
            state, doomed=tuple(each for each in state.doomed if each != self.doomed)
        )


@dataclass(frozen=True)
class HomeKnown(Event):
    """Which volume is the home is known, or has changed; None when there is none."""

    home: HomeRef | None
    ahead = True

    def _after(self, state: ServerState) -> ServerState:
        return replace(state, home=self.home)
