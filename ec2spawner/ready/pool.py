"""The machines that are ready, and nobody's yet. Which there are, EC2 says by tags.

Nothing of it is in a database. The nonce of a launch is made of its id and a secret of
the hub, so a Hub that was restarted answers the claims of machines that it finds. What
a server's saved state names is no longer here: that is what gives a machine away.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Iterator

from ..claim.registry import Registry
from ..core.metrics import READY_STARTS
from ..ec2.machines import Machine
from .member import Member


class Pool:
    """All of one hub, in whatever region."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        #: the hub's own, from which nonces are made
        self.secret = b""
        #: the kinds that the settings want
        self.kinds: Collection[str] = ()
        #: set when it may need more machines
        self.changed = asyncio.Event()
        self._members: dict[str, Member] = {}
        #: launches of which EC2 has not named the machine
        self._coming: set[str] = set()
        #: machines that were given away: launch id -> whose, until their tags say so
        self._owners: dict[str, str] = {}
        #: launch ids that this process has given away, or ended: they never come back
        self._left: set[str] = set()

    def nonce(self, launch_id: str) -> str:
        """What a machine of the pool claims with."""
        text = f"ec2spawner ready {launch_id}".encode()
        made = hmac.new(self.secret, text, "sha256").digest()
        return base64.urlsafe_b64encode(made).decode().rstrip("=")

    # -- who is in it --------------------------------------------------------------

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(self._members.values())

    @property
    def launches(self) -> Mapping[str, str]:
        """Launch id -> instance id, or "" while EC2 has not named it: no sweep may end
        these."""
        named = {m.launch.id: m.launch.instance_id for m in self._members.values()}
        return {**dict.fromkeys(self._coming, ""), **named}

    @contextmanager
    def coming(self, launch_id: str) -> Iterator[None]:
        """EC2 is being asked for a machine."""
        self._coming.add(launch_id)
        try:
            yield
        finally:
            self._coming.discard(launch_id)

    def knows(self, launch_id: str) -> bool:
        """It is a machine of the pool, or was."""
        known = self._members.keys() | self._coming | self._left
        return launch_id in known

    def join(self, member: Member) -> None:
        """A machine has been launched, or found."""
        self._members[member.launch.id] = member
        self.registry.open(member.launch.id, member)

    def drop(self, member: Member) -> None:
        """It is not to be given to anybody."""
        if self._members.pop(member.launch.id, None) is not None:
            self._left.add(member.launch.id)
            self.registry.close(member.launch.id)
            self.changed.set()

    # -- who gets one --------------------------------------------------------------

    def take(self, region: str, kinds: Iterable[str], zone: str) -> Member | None:
        """A machine for a start, which is to save that it has it before it awaits
        anything; None when there is none.

        :param kinds: that will do, the best first
        :param zone: where it has to be; empty for anywhere
        """
        kinds = list(kinds)
        for kind in kinds:
            for member in self._members.values():
                launch = member.launch
                here = launch.region == region and zone in ("", launch.zone)
                if member.kind == kind and here and member.listens:
                    del self._members[launch.id]
                    self._left.add(launch.id)
                    return member
        if not set(kinds).isdisjoint(self.kinds):
            READY_STARTS.labels("missed").inc()
        return None

    def has_for(self, setting: Callable[[str], Any], types: Sequence[str]) -> bool:
        """Whether somebody who chooses these settings would get one, as far as a form
        can tell."""
        return any(
            m.listens and m.is_made_by(setting, types) for m in self._members.values()
        )

    def put_back(self, member: Member) -> None:
        """Nobody has it after all, and it has been told nothing."""
        self._left.discard(member.launch.id)
        self._members[member.launch.id] = member

    def gave(self, member: Member, owner_id: str) -> None:
        """It is a server's now, the database says."""
        self._owners[member.launch.id] = owner_id
        READY_STARTS.labels("given").inc()
        self.changed.set()

    def tagged(self, launch_id: str) -> None:
        """From now on its tags say whose it is."""
        self._owners.pop(launch_id, None)

    def owner_of(self, machine: Machine) -> str:
        """Whose it is (``owner_id``): tags come a little later."""
        return self._owners.get(machine.launch_id, machine.owner_id)

    def has(self, machine: Machine) -> bool:
        """It is nobody's yet."""
        return machine.launch_id in self._members or machine.launch_id in self._coming
