"""How many ready machines there are to be: which to launch, which to end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Want:
    """So many machines of one choice, of which EC2 may have several kinds.

    :ivar usd: US dollars an hour that one costs; None when nobody knows
    """

    kinds: frozenset[str]
    count: int
    usd: float | None = None


@dataclass(frozen=True)
class Bounds:
    """What all of them together may be; 0 US dollars an hour for no limit."""

    machines: int
    usd: float = 0.0


@dataclass(frozen=True)
class Fill:
    """What is to be done now.

    :ivar launch: how many of each choice
    :ivar end: launch ids
    """

    launch: Mapping[frozenset[str], int]
    end: tuple[str, ...] = ()


def fill(
    wants: Iterable[Want],
    there: Mapping[str, str],
    coming: Mapping[frozenset[str], int],
    bounds: Bounds,
) -> Fill:
    """Compare what is wanted with what there is.

    The first wants count first when not all have room. Of what is too many the last
    ones end.

    :param there: launch id -> kind, of machines that wait, the oldest first
    :param coming: how many are on their way, of each choice
    """
    left, usd_left = bounds.machines, bounds.usd
    launch: dict[frozenset[str], int] = {}
    kept: set[str] = set()
    for want in _merged(wants):
        room = min(want.count, max(left, 0))
        if bounds.usd:
            room = min(room, _affordable(usd_left, want.usd))
        mine = [id for id, kind in there.items() if kind in want.kinds]
        on_its_way = coming.get(want.kinds, 0)
        kept.update(mine[:room])
        launch[want.kinds] = max(0, room - len(mine) - on_its_way)
        left -= room
        usd_left -= room * (want.usd or 0.0)
    end = tuple(id for id in there if id not in kept)
    return Fill({kinds: n for kinds, n in launch.items() if n}, end)


def _affordable(usd: float, price: float | None) -> int:
    # A thousandth of a cent: sums of prices are not exact.
    return int((usd + 1e-5) / price) if price else 0


def _merged(wants: Iterable[Want]) -> Sequence[Want]:
    """One for each choice: of two that say a number, the larger counts."""
    found: dict[frozenset[str], Want] = {}
    for want in wants:
        known = found.get(want.kinds)
        if known is None or known.count < want.count:
            found[want.kinds] = want
    return list(found.values())
