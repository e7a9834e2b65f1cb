"""The homes of one fleet: found, made, grown, discarded. Never given to another."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import EC2SpawnError, Reason
from ..core.ids import digest
from ..core.tags import (
    ARCHIVE_TAG,
    DISCARD_TAG,
    HOME_TAG,
    HUB_TAG,
    MOVE_TAG,
    MOVED_TO_TAG,
)
from ..ec2.again import Looks, OnlyNews, repeat_in_doubt
from ..ec2.clients import Clients
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.errors.kinds import Kind
from ..ec2.resources import Resource, ResourceKind, create_tags, delete_resource
from ..ec2.snapshots import snapshots_of_moves
from ..ec2.tags import specification
from ..ec2.volumes import (
    Volume,
    copies_of,
    create_volume,
    describe_volume,
    homes_in_index,
    homes_of,
    tags_in_index,
)
from .errors import lost, not_made, not_shown
from .lineage import homes_among

_POLL_SECONDS = 0.5
# How long EC2 may take to make a volume, and to show one that it has made.
_BORN_SECONDS = 60.0
_NEW_SECONDS = 15.0
# How late EC2 may show a tag.
_SHOWN_SECONDS = 60.0
_NO_INDEX = (
    "Homes are made without asking EC2's index of tags for one that its listings lack: "
    "make the Hub's policy anew with ec2spawner iam-policy. %s"
)


@dataclass(frozen=True)
class HomeSpec:
    """What a new home is made of. ``size`` is in GiB."""

    owner: str
    size: int
    kms_key_id: str
    tags: Mapping[str, str]


class Homes:
    """Looks after the homes of one hub in one region."""

    def __init__(self, hub_id: str, clients: Clients, log: logging.Logger) -> None:
        self._hub_id = hub_id
        self._clients = clients
        self._log = log
        self._news = OnlyNews(log, logging.WARNING)
        # Two servers of one user must not make a home each.
        self.creation_locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        #: held by who gives a volume to a machine, or begins or ends its move
        self.volume_locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        #: volumes whose move a server waits for
        self.moves_under_way: set[str] = set()

    async def find(
        self,
        owner: str,
        volume_id: str,
        others: Callable[[], Collection[str]] = frozenset,
    ) -> Volume | None:
        """An owner's home: the one that the database names, else the one so tagged.

        A volume that was discarded is nobody's home. Where a home has moved, another
        server of its user may still name the volume that it moved from.

        :param volume_id: of the database; empty when it knows of none
        :param others: the volumes that the database knows as other owners' homes, who
            may have had the same name
        :raises EC2SpawnError: when the answer would be a guess, or the volume that
            the database names is lost
        :raises EC2Error: when EC2 does not answer
        """
        why = ""
        if volume_id:
            known, why = await self._known(volume_id)
            if known is None:
                copies = await copies_of(
                    self._clients.reading, self._hub_id, origin=volume_id
                )
                known = await self._only_one(copies)
            if known is not None:
                return await self._latest(known)
        tagged = await homes_of(self._clients.reading, self._hub_id, owner)
        if home := await self._only_one(_not_of(others, tagged)):
            return await self._latest(home)
        if volume_id:
            raise lost(volume_id, why)
        return None

    async def find_in_index(
        self, owner: str, others: Callable[[], Collection[str]] = frozenset
    ) -> Volume | None:
        """An owner's home that EC2's index of tags names, though no listing shows it.

        For who is about to make one: a second home would be somebody's lost work.

        :param others: as for :meth:`find`
        :raises EC2SpawnError: when EC2 shows none under the id that the index names
        :raises EC2Error: when EC2 does not answer
        """
        lane = self._clients.reading
        try:
            ids = await homes_in_index(lane, owner)
        except EC2Error as e:
            if e.code != "UnauthorizedOperation":
                raise
            # A policy of an older version. Who has no home yet shall have one.
            self._news.say("index", e.code, _NO_INDEX, admin_hint(e))
            return None
        tagged, unseen = await self._by_ids(ids)
        if unseen:
            kept = await tags_in_index(lane, unseen)
            given_up = {DISCARD_TAG, ARCHIVE_TAG}
            unseen = [id for id, tags in kept.items() if not given_up & tags.keys()]
        if unseen:
            raise not_shown(unseen)
        tagged = [v for v in tagged if v.owner == owner and not (v.lost or v.given_up)]
        home = await self._only_one(_not_of(others, tagged))
        return await self._latest(home) if home else None

    async def _by_ids(self, ids: Sequence[str]) -> tuple[list[Volume], list[str]]:
        """Those that EC2 shows, and the ids of those that it does not."""
        found, unseen = [], []
        for id in ids:
            try:
                found.append(await describe_volume(self._clients.reading, id))
            except EC2Error as e:
                if e.code != "InvalidVolume.NotFound":
                    raise
                unseen.append(id)
        return found, unseen

    async def _only_one(self, volumes: Sequence[Volume]) -> Volume | None:
        """The volume that is a home, or whose heir is."""
        found = homes_among(volumes)
        if len(found) > 1:
            ids = ", ".join(sorted(found))
            raise EC2SpawnError(
                f"You have several homes ({ids}), and only your hub's admin can say "
                "which is the right one. Please tell your hub's admin.",
                reason=Reason.HOME,
                log_message=f"Volumes {ids} all carry {HOME_TAG} of one owner: take "
                "the tag off all but one",
            )
        return next(iter(found.values()), None)

    async def _latest(self, home: Volume) -> Volume:
        """The volume that has taken a home's place in the end, or the home itself."""
        while home.heir:
            home = await self.heir(home.id)
        settled = await self._settled(home) if home.moved_to else None
        return settled or home

    async def _settled(self, home: Volume) -> Volume | None:
        """The copy that has been made the home of this one's owner.

        The word of its move may have been taken off, or another copy been named, by a
        call that came too late.
        """
        lane = self._clients.reading
        copies = await copies_of(lane, self._hub_id, origin=home.id)
        settled = [copy for copy in copies if copy.owner]
        return await self._only_one(settled)

    async def heir(self, volume_id: str) -> Volume:
        """The copy that has taken a volume's place, with the tag that makes it a home.

        A Hub that was killed may have left it without. The volume itself when its
        move was given up meanwhile.

        :raises EC2SpawnError: when the copy is lost
        """
        async with self.volume_locks[volume_id]:
            home = await describe_volume(self._clients.reading, volume_id)
            if not home.heir:
                return home
            if settled := await self._settled(home):
                return settled
            copy, why = await self._known(home.heir)
            if copy is None or home.id not in copy.moved_from:
                why = why or "it is no copy of that one"
                raise lost(
                    home.heir,
                    f"it has taken the place of {home.id}, and {why}. To go back to "
                    f"{home.id}, take the tag {MOVED_TO_TAG} off it",
                )
            if not copy.owner:
                await self.tag(copy.id, {HOME_TAG: home.owner, MOVE_TAG: ""})
                copy = replace(copy, owner=home.owner, move="")
            return copy

    async def tag(self, volume_id: str, tags: Mapping[str, str]) -> None:
        """Set tags on a volume that exists.

        :raises EC2SpawnError: when EC2 does not know it
        """
        if await create_tags(self._clients.reading, [volume_id], tags):
            raise lost(volume_id, "EC2 does not know it")

    async def shown(
        self, volume_id: str, check: Callable[[Volume], object]
    ) -> Volume | None:
        """The volume once EC2 shows what was written to it; None if it never does."""
        async for _ in Looks(_POLL_SECONDS, within=_SHOWN_SECONDS):
            volume = await describe_volume(self._clients.reading, volume_id)
            if check(volume):
                return volume
        return None

    async def _known(self, volume_id: str) -> tuple[Volume | None, str]:
        """The volume of that id; or None, and why it is no home of this hub."""
        try:
            volume = await describe_volume(self._clients.reading, volume_id)
        except EC2Error as e:
            if e.code != "InvalidVolume.NotFound":
                raise
            return None, "EC2 does not know it"
        if volume.lost:
            return None, f"it is {volume.state}"
        if volume.hub_id != self._hub_id:
            return None, "it has another hub's tag"
        if volume.given_up:
            return None, f"it was given up (tag {DISCARD_TAG} or {ARCHIVE_TAG})"
        return volume, ""

    async def make(self, spec: HomeSpec, zone: str, launch_id: str) -> Volume:
        """An owner's first home. Made once, however often a launch asks for it.

        :raises EC2Error: when EC2 refuses it
        :raises EC2SpawnError: when EC2 accepts it and then does not make it
        """
        tags = {**spec.tags, HUB_TAG: self._hub_id, HOME_TAG: spec.owner}
        request = {
            "AvailabilityZone": zone,
            "Size": spec.size,
            "VolumeType": "gp3",
            "Encrypted": True,
            "TagSpecifications": [specification("volume", tags)],
        }
        if spec.kms_key_id:
            request["KmsKeyId"] = spec.kms_key_id
        token = digest("home", spec.owner, launch_id, zone, length=40)
        return await self._born(await self.create(request, token))

    async def create(self, request: Mapping[str, Any], token: str) -> Volume:
        """CreateVolume, asked again while the answer is in doubt.

        :raises EC2Error: when EC2 refuses it
        """
        return await repeat_in_doubt(
            lambda _: create_volume(self._clients.launching, request, token),
            lambda e: e.kind is Kind.AMBIGUOUS,
        )

    async def _born(self, volume: Volume) -> Volume:
        """A new volume, once it is there.

        EC2 looks at the key after it has answered. If it may not use it, the volume
        is gone again, or is an error (EC2 API reference, CreateVolume, KmsKeyId).
        """
        began, seen = time.monotonic(), False
        while volume.state == "creating" and time.monotonic() < began + _BORN_SECONDS:
            await asyncio.sleep(_POLL_SECONDS)
            try:
                volume = await describe_volume(self._clients.reading, volume.id)
                seen = True
            except EC2Error as e:
                if e.code != "InvalidVolume.NotFound":
                    raise
                # Before EC2 has shown it once, it may just be new.
                if seen or time.monotonic() > began + _NEW_SECONDS:
                    raise not_made(volume.id, "EC2 has taken it back") from e
        if volume.lost:
            await self._bury(volume.id)
            raise not_made(volume.id, f"it is {volume.state}")
        return volume

    async def _bury(self, volume_id: str) -> None:
        """Nothing has ever been on it."""
        try:
            await self.discard([volume_id])
        except EC2Error as e:
            self._log.warning("Volume %s stays: %s", volume_id, admin_hint(e))

    async def all_of(
        self, owners: Collection[str], ids: Collection[str]
    ) -> list[Volume]:
        """The homes with one of these owners' tags, or one of these ids.

        :raises EC2Error: when EC2 does not answer
        """
        reading = self._clients.reading
        found = [v for o in owners for v in await homes_of(reading, self._hub_id, o)]
        for id in set(ids) - {v.id for v in found}:
            volume, _ = await self._known(id)
            found += [volume] if volume else []
        return found

    async def hand_over(self, volume_id: str, owner: str) -> None:
        """Make a home findable by its owner's new name.

        :raises EC2Error: when it cannot be tagged
        """
        await create_tags(self._clients.reading, [volume_id], {HOME_TAG: owner})

    async def archive(self, ids: Sequence[str]) -> None:
        """Give up homes, but for a snapshot, which the sweep makes of each.

        :raises EC2Error: when they cannot be tagged
        """
        if made := await self._made_by_moves_of(ids):
            await self.discard(made)
        tag = {ARCHIVE_TAG: str(int(time.time()))}
        await create_tags(self._clients.reading, ids, tag)

    async def _made_by_moves_of(self, ids: Sequence[str]) -> list[str]:
        """Snapshots, and copies that are no homes: they go with what they are of."""
        volumes = tuple(id for id in ids if kind_of(id) is ResourceKind.VOLUME)
        if not volumes:
            return []
        reading = self._clients.reading
        copies = await copies_of(reading, self._hub_id)
        snapshots = await snapshots_of_moves(reading, self._hub_id, "", volumes)
        unfinished = [v for v in copies if not v.owner and v.moved_from[:1]]
        return [
            *(v.id for v in unfinished if v.moved_from[0] in volumes),
            *(snapshot.id for snapshot in snapshots),
        ]

    async def end_move(self, volume_id: str) -> None:
        """Void a home's move, and discard what it has made (rule 2 of ``lineage.py``).

        :raises EC2Error: when EC2 does not answer; it is not over then
        """
        await self.tag(volume_id, {MOVE_TAG: secrets.token_hex(8)})
        if made := await self._made_by_moves_of([volume_id]):
            await self.discard(made)
        await self.tag(volume_id, {MOVE_TAG: ""})

    async def discard(self, ids: Sequence[str]) -> None:
        """Give up volumes or snapshots of homes for good: tag them, then delete them.

        What is still in use is deleted by the sweep. So is all that is tagged when
        the Hub is killed in between.

        :raises EC2Error: when they cannot be tagged; then nothing is deleted
        """
        ids = [*ids, *await self._made_by_moves_of(ids)]
        tag = {DISCARD_TAG: str(int(time.time()))}
        unknown = await create_tags(self._clients.reading, ids, tag)
        for id in ids:
            if id in unknown:
                continue
            try:
                await delete_resource(self._clients.killing, Resource(id, kind_of(id)))
            except EC2Error as e:
                self._log.info("%s is deleted later: %s", id, admin_hint(e))


def _not_of(
    others: Callable[[], Collection[str]], volumes: Sequence[Volume]
) -> list[Volume]:
    """Those that are no other owner's, nor of one line with such a one."""
    taken = {*others()} - {""} if volumes else set()
    return [v for v in volumes if not taken & {v.id, v.heir, *v.moved_from}]


def kind_of(id: str) -> ResourceKind:
    """Whether an id is a volume's or a snapshot's."""
    return ResourceKind.SNAPSHOT if id.startswith("snap-") else ResourceKind.VOLUME
