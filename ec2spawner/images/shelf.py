"""The shelf: the images of a hub over all regions, and what may be done to them. Pure.

An image is one *version* of a name: what has the same key has the same content, in
whatever region. In each region it has a state of its own.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from ..core.tags import (
    FAILED,
    RAW,
    READY,
    SAVED_TAG,
    SECRETS_TAG,
    STATUS_TAG,
    TESTING,
)
from ..ec2.images import ShelvedImage
from ..ec2.machines import Machine

_DAY = 86400.0
#: an image that EC2 could not make is of no use; for so long a person may look at it
_FAILED_SECONDS = _DAY
#: EC2 has made nothing that can be used (EC2 API reference, Image, "state")
BROKEN = frozenset({"failed", "error", "invalid"})
_UNTESTED = "untested"
#: what is never offered as it is, and why it is there
_NEVER_OFFERED = {
    TESTING: "its test was not ended",
    FAILED: "it has failed its test",
    RAW: "the copy of a disk, of a save that was not ended",
}
_TOKEN_LENGTH = 40


@dataclass(frozen=True)
class Copy:
    """A version in one region."""

    region: str
    image: ShelvedImage
    #: who needs it, in words: machines, also stopped ones, and the configuration
    used_by: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """``ready``, or why it is not: EC2's word for its state, or its tag's."""
        return status_of(self.image)


@dataclass(frozen=True)
class Version:
    """One content under one name, wherever it is; the regions in their order."""

    label: str
    key: str
    copies: tuple[Copy, ...]

    @property
    def short_key(self) -> str:
        return self.key[:12]

    @property
    def created_at(self) -> float:
        """When it was made, not copied; seconds since the epoch."""
        return min(copy.image.created_at for copy in self.copies)

    @property
    def tags(self) -> Mapping[str, str]:
        """Of the first one that is ready: the same everywhere, but for its status."""
        return (self.ready or self.copies)[0].image.tags

    @property
    def ready(self) -> tuple[Copy, ...]:
        return tuple(copy for copy in self.copies if copy.image.ready)


def status_of(image: ShelvedImage) -> str:
    if image.state != "available":
        return image.state
    return image.tags.get(STATUS_TAG) or _UNTESTED


def versions(
    regions: Mapping[str, Iterable[ShelvedImage]],
    used_by: Mapping[str, Sequence[str]] | None = None,
) -> list[Version]:
    """What the shelf has: by name, and of each name the newest first.

    :param regions: what each region has, in the order in which they are to be named
    :param used_by: image id -> who needs it, in words
    """
    found: dict[tuple[str, str], list[Copy]] = {}
    for region, images in regions.items():
        for image in images:
            uses = tuple((used_by or {}).get(image.id, ()))
            # One that has no key is like no other.
            key = image.key or image.id
            found.setdefault((image.label, key), []).append(Copy(region, image, uses))
    made = [Version(label, key, tuple(c)) for (label, key), c in found.items()]
    return sorted(made, key=lambda v: (v.label, -v.created_at, v.key))


def named(shelf: Iterable[Version], name: str) -> list[Version]:
    """Those that a person means: a name, ``NAME@KEY`` with the beginning of a key, or
    the id of an image; the newest first."""
    label, _, key = name.partition("@")
    return [
        version
        for version in shelf
        if (version.label == label and version.key.startswith(key))
        or any(copy.image.id == name for copy in version.copies)
    ]


# Who needs an image.


def meant_by(wish: str, images: Iterable[ShelvedImage]) -> list[ShelvedImage]:
    """Which images of a region a setting ``image`` may stand for, as they are now.

    One that follows an SSM parameter is not known from the images alone.

    :param wish: ``ami-...``, ``repo:name`` or ``name:pattern``
    """
    kind, _, rest = wish.partition(":")
    if kind == "repo":
        mine = [each for each in images if each.label == rest and each.ready]
    elif kind == "name":
        mine = [
            each
            for each in images
            if each.state == "available" and fnmatch.fnmatchcase(each.name, rest)
        ]
    else:
        return [each for each in images if each.id == wish]
    newest = max(mine, key=lambda each: each.created_at, default=None)
    return [newest] if newest is not None else []


def uses(
    images: Sequence[ShelvedImage], machines: Iterable[Machine], wishes: Iterable[str]
) -> dict[str, list[str]]:
    """Image id -> who needs it, in words, in one region.

    :param machines: all that were made of any of them. A stopped one counts: it starts
        again without its image, but its next fresh disk comes from there.
    :param wishes: what the configuration says for ``image``, in any profile
    """
    found: dict[str, list[str]] = {each.id: [] for each in images}
    for wish in sorted(set(wishes)):
        for image in meant_by(wish, images):
            found[image.id].append(f"the configuration ({wish})")
    for machine in sorted(machines, key=lambda m: m.id):
        if machine.image_id in found and not machine.gone:
            found[machine.image_id].append(f"{machine.id} ({machine.state})")
    return found


# What is pruned.


@dataclass(frozen=True)
class Verdict:
    """What prune makes of one image, and why."""

    region: str
    image: ShelvedImage
    go: bool
    why: str


def prune(
    region: str,
    images: Iterable[ShelvedImage],
    used_by: Mapping[str, Sequence[str]],
    keep_last: int,
    unused_for: float,
    now: float,
) -> list[Verdict]:
    """What of one region's images goes, and why each of the others stays.

    :param used_by: image id -> who needs it
    :param keep_last: so many of each name stay, the newest that are ready
    :param unused_for: seconds since an image was made or launched last
    :param now: seconds since the epoch
    """
    by_age = sorted(images, key=lambda each: (-each.created_at, each.id))
    ready: dict[str, list[str]] = {}
    for image in by_age:
        if image.ready:
            ready.setdefault(image.label, []).append(image.id)
    last = {id for ids in ready.values() for id in ids[:keep_last]}

    def judge(image: ShelvedImage) -> tuple[bool, str]:
        used = max(image.created_at, image.launched_at)
        if image.kept:
            return False, "a person keeps it (tag ec2spawner:keep)"
        if users := used_by.get(image.id):
            return False, f"used by {_some(users)}"
        if image.state in BROKEN:
            old = now - image.created_at > _FAILED_SECONDS
            return old, f"EC2 could not make it ({image.state})"
        if image.state != "available":
            return False, f"it is {image.state}"
        if why := _NEVER_OFFERED.get(status_of(image)):
            return now - used > min(_FAILED_SECONDS, unused_for), why
        if image.id in last:
            return False, f"one of the newest {keep_last} of {image.label}"
        if now - used < unused_for:
            return False, "made or launched lately"
        return True, "nobody uses it"

    return [Verdict(region, image, *judge(image)) for image in by_age]


def _some(users: Sequence[str]) -> str:
    more = len(users) - 2
    return ", ".join(users[:2]) + (f" and {more} more" if more > 0 else "")


# How it comes to another region.


@dataclass(frozen=True)
class CopyStep:
    """What to do to have a version in one more region.

    :ivar copy: ask for it with this client token; empty if that was done
    :ivar follow: wait for this image
    :ivar discard: delete these first, which EC2 could not make
    """

    copy: str = ""
    follow: ShelvedImage | None = None
    discard: tuple[ShelvedImage, ...] = ()

    @property
    def done(self) -> bool:
        return self.follow is not None and self.follow.state == "available"


def copy_step(
    source: ShelvedImage, region: str, there: Iterable[ShelvedImage]
) -> CopyStep:
    """The next step, from what EC2 has. Each can be taken twice, by anybody.

    :param there: what the region has of this hub
    """
    same = [each for each in there if each.key == source.key and source.key]
    whole = [each for each in same if each.state not in BROKEN]
    if whole:
        first = min(whole, key=lambda e: (e.state != "available", e.created_at, e.id))
        return CopyStep(follow=first)
    # The token of a copy that has failed would give that one again.
    broken = sorted(each.id for each in same)
    text = "/".join((source.id, region, *broken))
    token = f"c-{hashlib.sha256(text.encode()).hexdigest()[:_TOKEN_LENGTH]}"
    return CopyStep(copy=token, discard=tuple(same))


# Who else may have it.


def why_not_shared(image: ShelvedImage) -> str:
    """Why another account must not have an image, or empty."""
    if image.state != "available":
        return f"it is {image.state}"
    if image.tags.get(STATUS_TAG) != READY:
        return "it has not passed its tests"
    secrets = image.tags.get(SECRETS_TAG, "")
    if secrets not in ("", "0"):
        return f"it holds what looks like secrets ({secrets} places)"
    if SAVED_TAG in image.tags and not secrets:
        return "it was made of somebody's machine, and not searched for secrets"
    if image.encrypted:
        return "it is encrypted: other accounts cannot read it without the key"
    return ""


def lacking(shelf: Iterable[Version], label: str, region: str) -> Set[str]:
    """Where a name is ready though not in this region; empty if it is there, too, or
    nowhere."""
    places = {
        copy.region
        for version in shelf
        if version.label == label
        for copy in version.ready
    }
    return set() if region in places else places
