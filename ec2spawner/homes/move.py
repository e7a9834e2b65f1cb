"""Homes on their way to another zone: by a snapshot, and a copy that is made of it.

``lineage.py`` has the rules by which there is one home at every moment.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping

from ..core.errors import EC2SpawnError, Reason
from ..core.ids import digest
from ..core.tags import HOME_TAG, HUB_TAG, MOVE_TAG, MOVED_FROM_TAG, MOVED_TO_TAG
from ..ec2.clients import Clients
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.errors.kinds import Kind
from ..ec2.snapshots import Snapshot, create_snapshot, snapshots_of_moves
from ..ec2.tags import specification
from ..ec2.volumes import Volume, copies_of, describe_volume, volumes_among
from .errors import in_use
from .lineage import fits, left_over, lineage_of_copy
from .store import Homes

_POLL_SECONDS = 1.0
_SLOWEST_POLL = 5.0
# EC2 makes at most one snapshot of a volume in 15 seconds (EC2 API reference, "Error
# codes", SnapshotCreationPerVolumeRateExceeded).
_BETWEEN_SNAPSHOTS = 16.0
_REPEATS = 4
# For how long EC2 may not know what it has just made.
_NEW_SECONDS = 60.0
# What a move has left over may look so while another listing is on its way.
_YOUNG_SECONDS = 3600.0
# A user who has not come back by then gets a new snapshot.
_FORGOTTEN_SECONDS = 24 * 3600.0

_PASSES = (Kind.AMBIGUOUS, Kind.THROTTLED, Kind.NOT_VISIBLE)


class Moves:
    """Moves the homes of one hub from zone to zone of one region."""

    def __init__(
        self, hub_id: str, clients: Clients, homes: Homes, log: logging.Logger
    ) -> None:
        self._hub_id = hub_id
        self._clients = clients
        self._homes = homes
        self._log = log

    async def move(
        self,
        home: Volume,
        zone: str,
        tags: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> Volume:
        """Bring a home that hangs on no machine to another zone.

        Goes on with a move that was begun before, if nobody has had the home since.

        :param tags: for what is made, beside our own
        :param tell: is given how far it is, in words for the user
        :returns: the volume that is the home now
        :raises EC2SpawnError: when it cannot be done; the home is where it was
        :raises EC2Error: when EC2 refuses it; the same holds
        """
        if home.id in self._homes.moves_under_way:
            raise EC2SpawnError(
                f"Your home ({home.id}) is already on its way to another zone, for "
                "another of your servers. Wait until that one has started.",
                reason=Reason.HOME,
            )
        self._homes.moves_under_way.add(home.id)
        try:
            return await self._move(home.id, zone, tags, tell)
        finally:
            self._homes.moves_under_way.discard(home.id)

    async def _move(
        self,
        home_id: str,
        zone: str,
        tags: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> Volume:
        home = await self._begin(home_id)
        tags = {**tags, HUB_TAG: self._hub_id, MOVE_TAG: home.move}
        snapshot = await self._snapshot(home, {**tags, HOME_TAG: home.owner})
        await self._copied(home, snapshot, zone, tell)
        tell(f"Making your home in {zone} from the copy")
        copy = await self._copy(home, snapshot, zone, tags)
        await self._made(home, copy)
        return await self._change_over(home, copy)

    async def _begin(self, home_id: str) -> Volume:
        """The home with the name of its move on it."""
        async with self._homes.volume_locks[home_id]:
            home = await describe_volume(self._clients.reading, home_id)
            if home.attached_to:
                raise in_use(home, None)
            if home.move:
                return home
            move = secrets.token_hex(8)
            await self._homes.tag(home_id, {MOVE_TAG: move})
            begun = await self._homes.shown(home_id, lambda v: v.move == move)
            if begun is None:
                raise _trouble(home_id, "EC2 does not show that its move has begun")
            return begun

    async def _give_up(self, home: Volume) -> None:
        """Begin anew at the next start, and do away with what came of this move."""
        async with self._homes.volume_locks[home.id]:
            now = await describe_volume(self._clients.reading, home.id)
            if now.move == home.move and not now.heir:
                await self._homes.end_move(home.id)

    # -- the snapshot ----------------------------------------------------------

    async def _snapshot(self, home: Volume, tags: Mapping[str, str]) -> Snapshot:
        """The move's snapshot. CreateSnapshot knows no client token: look first."""
        doubt: EC2Error | None = None
        for _ in range(_REPEATS):
            made = await snapshots_of_moves(
                self._clients.reading, self._hub_id, home.move
            )
            good = [s for s in made if fits(s, home) and s.state != "error"]
            if good:
                return min(good, key=lambda s: s.began)
            try:
                return await create_snapshot(
                    self._clients.launching, home.id, "ec2spawner: a move", tags
                )
            except EC2Error as e:
                doubt = e
                if e.kind is Kind.THROTTLED:
                    await asyncio.sleep(_BETWEEN_SNAPSHOTS)
                elif e.kind is Kind.AMBIGUOUS:
                    await asyncio.sleep(_POLL_SECONDS)
                else:
                    raise
        assert doubt is not None
        raise doubt

    async def _copied(
        self,
        home: Volume,
        snapshot: Snapshot,
        zone: str,
        tell: Callable[[str], None],
    ) -> None:
        """Return once the snapshot holds everything."""
        began, wait, told, state = time.monotonic(), _POLL_SECONDS, "", snapshot.state
        while state != "completed":
            progress = snapshot.progress or "0%"
            if progress != told:
                told = progress
                tell(f"Copying your home from {home.zone} to {zone}: {progress}")
            await asyncio.sleep(wait)
            wait = min(wait * 1.2, _SLOWEST_POLL)
            found = await self._look(home)
            now = next((s for s in found or () if s.id == snapshot.id), None)
            late = time.monotonic() - began > _NEW_SECONDS
            lost = found is not None and now is None and late
            if lost or (now and now.state not in ("pending", "completed")):
                await self._give_up(home)
                why = f"it is {now.state}" if now else "EC2 does not know it any more"
                raise _trouble(home.id, f"snapshot {snapshot.id}: {why}")
            snapshot = now or snapshot
            state = snapshot.state

    async def _look(self, home: Volume) -> list[Snapshot] | None:
        """The snapshots of a move; None when EC2 does not answer just now."""
        try:
            return await snapshots_of_moves(
                self._clients.reading, self._hub_id, home.move
            )
        except EC2Error as e:
            if e.kind not in _PASSES:
                raise
            self._log.warning("Home %s: %s", home.id, admin_hint(e))
            return None

    # -- the copy --------------------------------------------------------------

    async def _copy(
        self, home: Volume, snapshot: Snapshot, zone: str, tags: Mapping[str, str]
    ) -> Volume:
        """The move's copy in a zone. Made once, however often it is asked for."""
        made = await copies_of(self._clients.reading, self._hub_id, home.move)
        for copy in made:
            if copy.zone == zone and not copy.lost and not copy.given_up:
                return copy
        tags = {**tags, MOVED_FROM_TAG: lineage_of_copy(home)}
        request = {
            "AvailabilityZone": zone,
            "SnapshotId": snapshot.id,
            "Size": home.size,
            "VolumeType": "gp3",
            "Encrypted": True,
            "TagSpecifications": [specification("volume", tags)],
        }
        if home.kms_key_id:
            request["KmsKeyId"] = home.kms_key_id
        token = digest("move", snapshot.id, home.move, zone, length=40)
        return await self._homes.create(request, token)

    async def _made(self, home: Volume, copy: Volume) -> None:
        """Return once the copy can be used.

        EC2 says only now, and in no words, that it may not use a key: the volume is in
        error, or is gone again (EBS user guide, "EBS encryption").
        """
        began, state = time.monotonic(), copy.state
        while state != "available":
            await asyncio.sleep(_POLL_SECONDS)
            try:
                state = (await describe_volume(self._clients.reading, copy.id)).state
            except EC2Error as e:
                if e.kind not in _PASSES:
                    raise
                unknown = e.kind is Kind.NOT_VISIBLE
                if unknown and time.monotonic() - began > _NEW_SECONDS:
                    state = "gone"
            if state not in ("creating", "available"):
                await self._give_up(home)
                raise EC2SpawnError(
                    f"AWS could not make the copy of your home ({home.id}) in "
                    f"{copy.zone}. Nothing is lost. Please tell your hub's admin.",
                    reason=Reason.HOME,
                    log_message=f"Volume {copy.id}, the copy of {home.id}, is {state}: "
                    "mostly the Hub's role may not use the KMS key "
                    f"{home.kms_key_id or 'of the account'}",
                )

    async def _change_over(self, home: Volume, copy: Volume) -> Volume:
        """The one call after which the copy is the home."""
        async with self._homes.volume_locks[home.id]:
            now = await describe_volume(self._clients.reading, home.id)
            if now.attached_to or now.move != home.move:
                raise _trouble(home.id, "somebody has used it meanwhile")
            word = f"{copy.id} {home.move}"
            await self._homes.tag(home.id, {MOVED_TO_TAG: word})
            shown = await self._homes.shown(home.id, lambda v: v.heir == copy.id)
            if shown is None:
                raise _trouble(home.id, "EC2 does not show that it has moved")
        return await self._homes.heir(home.id)

    # -- afterwards ------------------------------------------------------------

    async def mounted(self, home_id: str) -> None:
        """A machine has mounted a home: do away with the volumes it has moved from.

        :raises EC2Error: when EC2 does not answer; the next mount does it then
        """
        lane = self._clients.reading
        home = await describe_volume(lane, home_id)
        if not (home.owner and home.moved_from):
            return
        before = await volumes_among(lane, self._hub_id, home.moved_from)
        # By its word, and not by its heir: an old call may have ended its move since.
        old = [v.id for v in before if v.moved_to and not (v.lost or v.given_up)]
        snapshots = await snapshots_of_moves(
            lane, self._hub_id, volume_ids=home.moved_from
        )
        if made := [*(s.id for s in snapshots), *old]:
            self._log.info(
                "Home %s is mounted; discarded: %s", home_id, ", ".join(made)
            )
            await self._homes.discard(made)

    async def sweep(self) -> None:
        """Discard what moves have left over, and forget moves nobody comes back for.

        :raises EC2Error: when EC2 does not answer
        """
        lane, now = self._clients.reading, time.time()
        snapshots = await snapshots_of_moves(lane, self._hub_id)
        copies = await copies_of(lane, self._hub_id)
        origins = {s.volume_id for s in snapshots}
        origins |= {v.moved_from[0] for v in copies if v.moved_from and not v.owner}
        if not origins:
            return
        homes = await volumes_among(lane, self._hub_id, sorted(origins))
        for home in homes:
            if (
                home.move
                and not home.heir
                and home.id not in self._homes.moves_under_way
            ):
                made = [s.began for s in snapshots if s.move == home.move]
                if made and min(made) < now - _FORGOTTEN_SECONDS:
                    await self._give_up(home)
        left = left_over([*copies, *homes], snapshots, now - _YOUNG_SECONDS)
        if left:
            self._log.info("Left over by moves of homes: %s", ", ".join(left))
            await self._homes.discard(left)


def _trouble(volume_id: str, why: str) -> EC2SpawnError:
    return EC2SpawnError(
        f"Your home ({volume_id}) could not be moved to another zone. Nothing is "
        "lost. Try again.",
        reason=Reason.HOME,
        log_message=f"Home {volume_id} cannot be moved: {why}",
    )
