"""How long earlier starts took of the same image and size: what the next may expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ..settings import LaunchSettings

#: starts of one kind that count; older ones say little of the next
MOST_STARTS = 20
#: kinds that are kept, those of the latest starts
MOST_KINDS = 200
# From so many on, the slowest and the fastest of all say nothing of the rest.
_ENOUGH_TO_TRIM = 5


@dataclass(frozen=True)
class StartKind:
    """What makes two starts alike.

    :ivar image: as the settings have it, not as it is resolved: a start is expected
        before anybody has asked EC2. A repository counts more
    :ivar woken: from what its machine was woken: "stop", "hibernate"; "" for a new one
    """

    region: str
    image: str
    instance_type: str
    woken: str = ""


@dataclass(frozen=True)
class Expected:
    """Seconds that a start is likely to take.

    :ivar stages: what each of its stages takes, in order; their sum need not be
        ``usual``
    """

    usual: float
    low: float
    high: float
    stages: tuple[float, ...]


def kind_of(settings: LaunchSettings, instance_type: str, woken: str) -> StartKind:
    """What a start has in common with others.

    :param settings: of its server, with its user's choice
    """
    # What is on a machine that wakes has little to do with how long that takes.
    image = "" if woken else str(settings.repository or settings.image)
    return StartKind(str(settings.region), image, instance_type, woken)


#: a start: its kind, and the seconds of each of its stages
Started = tuple[StartKind, tuple[float, ...]]


def expected_of(starts: Sequence[tuple[float, ...]]) -> Expected | None:
    """What comes of earlier starts; None where there are none."""
    if not starts:
        return None
    totals = sorted(map(sum, starts))
    inner = totals[1:-1] if len(totals) >= _ENOUGH_TO_TRIM else totals
    stages = tuple(median(each) for each in zip(*starts))
    return Expected(median(totals), inner[0], inner[-1], stages)


class StartHistory:
    """The latest starts of each kind, as long as the Hub's process lives.

    ``keep`` is called with each new one, to write it down.
    """

    def __init__(self) -> None:
        self._starts: dict[StartKind, list[tuple[float, ...]]] = {}
        self.keep: Callable[[StartKind, tuple[float, ...]], None] = lambda k, s: None

    def load(self, starts: Sequence[Started]) -> None:
        """Take on what was written down, oldest first, before what has been since."""
        since = [(kind, each) for kind, own in self._starts.items() for each in own]
        self._starts = {}
        for kind, stages in (*starts, *since):
            self._add(kind, stages)

    def add(self, kind: StartKind, stages: Mapping[str, float]) -> None:
        """A start has succeeded.

        :param stages: seconds of each by its name, in order; empty for one whose
            beginning nobody has seen
        """
        if stages:
            self._add(kind, tuple(stages.values()))
            self.keep(kind, tuple(stages.values()))

    def _add(self, kind: StartKind, stages: tuple[float, ...]) -> None:
        starts = self._starts.pop(kind, [])
        same = [each for each in starts if len(each) == len(stages)]
        self._starts[kind] = [*same, stages][-MOST_STARTS:]
        while len(self._starts) > MOST_KINDS:
            del self._starts[next(iter(self._starts))]

    def expected(self, kind: StartKind) -> Expected | None:
        """What a start of this kind may expect; None when there was none before."""
        return expected_of(self._starts.get(kind, ()))

    def of_size(self, instance_type: str, woken: bool = False) -> Expected | None:
        """What a start of this size may expect, whatever its image and region.

        :param woken: of a machine that is stopped, not of a new one
        """
        alike = [
            stages
            for kind, starts in self._starts.items()
            if kind.instance_type == instance_type and bool(kind.woken) == woken
            for stages in starts
        ]
        return expected_of(alike)
