"""Which volume is somebody's home, by tags alone. Pure.

A home moves to another zone through a snapshot and a copy of it. At every moment, and
whatever call was the last one that a killed Hub sent, one volume is the home:

1. A move begins: ``ec2spawner:move`` of the home names it. Snapshot and copy carry the
   same name, and the copy ``ec2spawner:moved-from``. It is no home, as it lacks
   ``ec2spawner:home``.
2. Whoever gives the home to a machine gives its move another name, discards what the
   move has made, and then makes ``ec2spawner:move`` empty. What was copied is void from
   the first of these on, so that an old call of rule 3 names nothing that is discarded;
   and until the last one whoever comes next discards it again, so that an old call of
   rule 1 that names the old move finds nothing of it.
3. The change is one call: ``ec2spawner:moved-to`` of the old volume names the copy and
   the move. It counts only as long as the volume's ``ec2spawner:move`` names the same
   move, so it changes nothing if EC2 carries it out too late (:attr:`Volume.heir`).
4. Then the copy gets ``ec2spawner:home``, and with its ``ec2spawner:moved-from`` it
   rules out all volumes before it, whether or not EC2 already shows rule 3, and also
   when an old call of rule 2 has taken the name of the move off.
5. Once a machine has mounted it, the old volume is discarded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..ec2.snapshots import Snapshot
from ..ec2.volumes import Volume

# A tag's value has at most 256 characters, a volume's id 21.
_LINEAGE = 11


def homes_among(volumes: Iterable[Volume]) -> dict[str, Volume]:
    """The homes by their ids, given volumes of one owner. More than one is no answer.

    :returns: for a home that EC2 may not call one yet, the volume whose heir it is
    """
    homes = [v for v in volumes if v.owner and not (v.lost or v.given_up)]
    before = {origin for v in homes for origin in v.moved_from}
    return {v.heir or v.id: v for v in homes if v.id not in before}


def last_of(volumes: Sequence[Volume]) -> set[str]:
    """The ids of those that no other of them has taken the place of.

    Among volumes of one owner they hold the files, whatever else a person has done to
    their tags. A copy that is no home yet holds nothing that its origin lacks.
    """
    ids = {v.id for v in volumes}
    heirs = {v.heir for v in volumes} & ids
    before = {origin for v in volumes if v.owner for origin in v.moved_from}
    before |= {v.id for v in volumes if v.heir in heirs}
    copies = {v.id for v in volumes if v.moved_from and not v.owner} - heirs
    # A copy whose origin is gone may be all that is left.
    copies = {v.id for v in volumes if v.id in copies and ids & {*v.moved_from}}
    return ids - before - copies


def lineage_of_copy(home: Volume) -> str:
    """The value of ``ec2spawner:moved-from`` for a copy of a home."""
    return " ".join((home.id, *home.moved_from)[:_LINEAGE])


def fits(snapshot: Snapshot, home: Volume) -> bool:
    """Whether a snapshot holds what is on the home, to the last byte."""
    if not home.move or home.attached_to or snapshot.discarded:
        return False
    return snapshot.move == home.move


def left_over(
    volumes: Sequence[Volume], snapshots: Sequence[Snapshot], before: float
) -> list[str]:
    """What moves have made and no home needs any more: ids to discard.

    A copy may be all that is left of somebody's files, if a person has deleted the
    volume that it was made of. So it goes only when it is sure where the home is.

    :param volumes: all of a hub, from a listing that began **after** that of
        ``snapshots``: a move is on its home before it is on a snapshot
    :param before: seconds since the epoch; what is younger stays
    """
    known = {v.id: v for v in volumes if not v.lost and not v.given_up}
    settled = [v for v in known.values() if v.owner]
    copies = [v for v in known.values() if v.moved_from and not v.owner]
    return [
        *(v.id for v in copies if v.created < before and _void_copy(v, known, settled)),
        *(
            s.id
            for s in snapshots
            if s.began < before and _void_snapshot(s, known, settled)
        ),
    ]


def _void_copy(
    copy: Volume, known: Mapping[str, Volume], settled: Sequence[Volume]
) -> bool:
    origin = copy.moved_from[0]
    if home := known.get(origin):
        return copy.move != home.move or home.heir not in ("", copy.id)
    return any(origin in home.moved_from for home in settled)


def _void_snapshot(
    snapshot: Snapshot, known: Mapping[str, Volume], settled: Sequence[Volume]
) -> bool:
    if home := known.get(snapshot.volume_id):
        # Until the copy has been mounted, both it and the old volume stay.
        return snapshot.move != home.move
    return any(snapshot.volume_id in home.moved_from for home in settled)
