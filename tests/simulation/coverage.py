"""Which fault has met which call, and in which phase its server was then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ec2spawner.core.state import Phase, ServerState, Wish
from localec2 import Fault
from localec2.requests.faults import FaultBook

from .random_faults import PHASES, cells, kind_of, kinds_of

if TYPE_CHECKING:
    from .virtual_hub import Hub

Cell = tuple[str, str, str]


def phase_of(state: ServerState) -> str:
    launch = state.current
    if launch.phase is Phase.OVER:
        return "stopped" if state.stopped else "none"
    return launch.phase.value if launch.wish is Wish.SERVE else "ending"


def phases_met(hub: Hub, sent: Mapping[str, str]) -> frozenset[str]:
    """Of the server that a call is about; of all of its Hub if it names none."""
    states = [spawner.context.state for spawner in hub.spawners.values()]
    named = {v for k, v in sent.items() if k.startswith(("InstanceId", "ClientToken"))}
    about = [state for state in states if named & _names(state)]
    return frozenset(phase_of(state) for state in about or states)


def _names(state: ServerState) -> set[str]:
    launch, stopped = state.current, state.stopped
    names = {launch.instance_id, launch.client_token, stopped and stopped.instance_id}
    return {name for name in names if name}


class Coverage:
    """How often each call was met by each fault, "" for none, in each phase."""

    def __init__(self, met: Iterable[tuple[Cell, int]] = ()) -> None:
        self.met: Counter[Cell] = Counter(dict(met))

    def add(self, other: Coverage) -> None:
        self.met.update(other.met)

    @property
    def reached(self) -> dict[str, frozenset[str]]:
        """action -> the phases in which it was sent, with or without a fault."""
        found: dict[str, set[str]] = {}
        for action, _, phase in self.met:
            found.setdefault(action, set()).add(phase)
        return {action: frozenset(phases) for action, phases in found.items()}

    @property
    def never(self) -> list[Cell]:
        """What could have met: the call was sent in that phase, but without it."""
        reached = self.reached
        wanted = cells({action: frozenset() for action in _all_actions()} | reached)
        return sorted(cell for cell in wanted if not self.met[cell])

    def table(self) -> str:
        """As Markdown: a table for each action, and what has never met."""
        lines = ["# EC2 action × fault × phase of a server", ""]
        never = self.never
        wanted = len(never) + sum(
            bool(n) and bool(kind) for (_, kind, _), n in self.met.items()
        )
        lines += [f"{wanted - len(never)} of {wanted} cells met.", ""]
        for action, phases in sorted(self.reached.items()):
            shown = [phase for phase in PHASES if phase in phases]
            lines += [f"## {action}", "", f"| fault | {' | '.join(shown)} |"]
            lines += ["| --- |" + " ---: |" * len(shown)]
            for kind in ["", *kinds_of(action)]:
                counts = [str(self.met[action, kind, p] or "**0**") for p in shown]
                lines += [f"| {kind or 'none'} | {' | '.join(counts)} |"]
            lines += [""]
        lines += ["## Never met", ""]
        lines += [f"- {action}: {kind}, {phase}" for action, kind, phase in never]
        return "\n".join(lines) + "\n"


def _all_actions() -> Iterable[str]:
    from .random_faults import ACTIONS

    return ACTIONS


class WatchedFaults(FaultBook):
    """The faults in force, and which call each of them has hit."""

    def __init__(self, coverage: Coverage) -> None:
        super().__init__()
        self.coverage = coverage
        #: (action, kind, phase) that are waited for
        self.aims: list[Cell] = []
        self._phases: frozenset[str] = frozenset()

    def asked(self, hub: Hub, action: str, sent: Mapping[str, str]) -> None:
        """A Hub is about to send a call: perhaps the one that was aimed at."""
        from .random_faults import FAULTS

        self._phases = phases_met(hub, sent)
        for aim in self.aims:
            if aim[0] == action and aim[2] in self._phases:
                self.aims.remove(aim)
                # Before whatever else is in force.
                self._faults = {0: (Fault(action, **FAULTS[aim[1]]), 1), **self._faults}
                return

    def take(
        self, service: str, action: str, params: Mapping[str, Any], region: str = ""
    ) -> Fault:
        fault = super().take(service, action, params, region)
        for phase in self._phases:
            self.coverage.met[action, kind_of(fault), phase] += 1
        self._phases = frozenset()
        return fault
