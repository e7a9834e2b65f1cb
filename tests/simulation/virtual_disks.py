"""What volumes hold in a world without machines: the notes that their users wrote."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Disk:
    """One volume or snapshot."""

    #: whose home it was made, when it was formatted
    owner: str = ""
    notes: list[int] = field(default_factory=list)


def _at_once() -> Future[None]:
    done: Future[None] = Future()
    done.set_result(None)
    return done


class Disks:
    """Takes the place of the local EC2's ``VolumeStore``, and knows what must be there.

    Each machine that serves somebody reads all the notes in their home and writes one
    more: so a home that was lost, formatted, mixed up or had on two machines at once
    is found out by whoever comes next.
    """

    def __init__(self) -> None:
        self.disks: dict[str, Disk] = {}
        #: owner, in which region -> what they have written there so far
        self.written: dict[str, list[int]] = {}
        #: volume -> the machine that has it mounted
        self.mounted: dict[str, object] = {}
        self.wrongs: list[str] = []
        #: owners whose homes may be given up by now: they find it, or a new one
        self.may_go: set[str] = set()
        #: no machine can mount what is on them
        self.broken = False

    def mount(self, volume_id: str, owner: str, region: str, machine: object) -> None:
        """Somebody moves in: their home of this region is as they left it, or new."""
        disk = self.disks.setdefault(volume_id, Disk())
        may_go, owner = owner in self.may_go, f"{owner} in {region}"
        if self.mounted.get(volume_id, machine) is not machine:
            self.wrongs.append(f"{volume_id} of {owner} is mounted twice")
        self.mounted[volume_id] = machine
        written = self.written.setdefault(owner, [])
        if may_go and not disk.owner:
            written.clear()
        if not disk.owner:
            disk.owner = owner
        if disk.owner != owner:
            self.wrongs.append(f"{volume_id} of {disk.owner} was given to {owner}")
        if disk.notes != written:
            self.wrongs.append(f"{owner} finds {disk.notes}, wrote {written}")
        written.append(len(written))
        disk.notes = list(written)

    def unmount(self, machine: object) -> None:
        """The machine is off."""
        self.mounted = {id: on for id, on in self.mounted.items() if on is not machine}

    # What the local EC2 asks of its store.

    def copy(self, source: str, target: str) -> Future[None]:
        if found := self.disks.get(source):
            self.disks[target] = Disk(found.owner, list(found.notes))
        return _at_once()

    def open(self, volume_id: str, gib: int) -> Path:
        return Path(volume_id)

    def grow(self, volume_id: str, gib: int) -> Future[None]:
        return _at_once()

    def remove(self, some_id: str) -> None:
        self.disks.pop(some_id, None)

    def close(self) -> None:
        pass
