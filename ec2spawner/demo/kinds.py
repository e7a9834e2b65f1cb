"""The kinds of machines that a demo can have, and what differs with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from localec2 import LocalSettings
from localec2.machines.substrate import ready
from localec2.roots import roots
from localec2.settings import BOOTED


@dataclass(frozen=True)
class Kind:
    """One kind of machine. Times are in seconds."""

    name: str
    #: what a machine is, for a sentence that begins so
    what: str
    #: what a user's code on it can do to this computer
    trust: str
    #: how long a start, and an answer of a server that has started, may take
    start_timeout: int
    answer_timeout: int
    #: how long a machine may take to shut down in order
    stop_grace: float

    @property
    def boots(self) -> bool:
        return self.name in BOOTED

    @property
    def settings(self) -> LocalSettings:
        # Slow enough for a person to see the states go by.
        return LocalSettings(
            machines=self.name,
            pending_seconds=1.0,
            shutting_down_seconds=1.0,
            stop_grace_seconds=self.stop_grace,
        )

    def why_not(self) -> str | None:
        """What this computer lacks for it, and what to do; None when it has all."""
        if self.boots:
            try:
                roots.check_needs(self.name)
            except roots.CannotBoot as error:
                return str(error)
        return None

    def prepare(self, tell: Callable[[str], None]) -> None:
        """Make what machines boot from, unless it is there.

        :raises CannotBoot: when that does not work
        """
        if self.boots:
            ready(self.name, LocalSettings().suite, tell)


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "process",
            "a group of processes with its own address here",
            "It runs as you, so keep the password to yourself.",
            start_timeout=120,
            answer_timeout=60,
            stop_grace=5,
        ),
        Kind(
            "nspawn",
            "a Debian that boots in a container here",
            "It is not firmly kept from this computer: keep the password to yourself.",
            start_timeout=180,
            answer_timeout=120,
            stop_grace=30,
        ),
        Kind(
            "qemu",
            "a computer with a kernel and disks of its own here, and slow",
            "Keep the password to yourself.",
            start_timeout=1200,
            answer_timeout=600,
            stop_grace=120,
        ),
    )
}
