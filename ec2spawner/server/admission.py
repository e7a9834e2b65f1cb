"""Whether a launch may go: what the hub allows, and what failed before it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from math import ceil

from ..core.errors import EC2SpawnError, Reason
from ..core.ids import digest, owner_id
from ..core.state import Phase
from ..costs import budget_words
from ..ec2.machines import Machine
from ..launch.limits import Caps, Full
from .context import ServerContext

_LISTING_SECONDS = 10.0


class Admission:
    """The way of one launch past the hub's limits."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._limits, self._breaker = context.runtime.limits, context.runtime.breaker
        self._launch_id = ""
        self._place = ""
        self._owner_id = ""
        self._kind = ""
        self._woken = False

    async def ask(self, launch_id: str, image_id: str, new_home: bool = False) -> None:
        """Take a place for a launch.

        :param new_home: it will make a home for its server
        :raises EC2SpawnError: when there is none
        """
        self.check_budget()
        self._check_homes(new_home)
        kind = self._kind_of(image_id)
        self._check_breaker(kind, launch_id)
        # From here on its end is reported to the breaker.
        self._kind, self._launch_id, self._place = kind, launch_id, launch_id
        await self._check_caps(launch_id)

    def answered(self, refused: bool) -> None:
        """EC2 has answered; after a refusal there is no machine for certain."""
        self._limits.answered(self._place, refused)

    def asks_again(self) -> None:
        """Its machine died before it was of use, and there may be another."""
        if self._owner_id:  # of no interest where nothing is counted
            self._limits.asks_again(self._place, self._owner_id)

    def woke(self, machine: Machine) -> None:
        """A stopped machine has taken the place of the launch."""
        self._woken = True
        self._limits.woke(self._place, machine.launch_id)
        self._place = machine.launch_id
        self.answered(refused=False)

    def took(self, launch_id: str) -> None:
        """A machine that was ready has taken the place of the launch."""
        self._limits.woke(self._place, launch_id)
        self._place = launch_id
        self.answered(refused=False)

    def ended(self, error: BaseException | None, own: bool = False) -> None:
        """The start has ended, well or with an error.

        :param own: what failed may be its user's own: the home, with what is in it
        """
        kind, self._kind = self._kind, ""
        if not kind:
            return
        failed = error is not None and self._failed_at_boot(error)
        if error is None and not self._woken:
            self._breaker.good(kind)
        elif error is not None and failed and not (own or self._woken):
            self._count_failure(kind, error)
        elif failed:
            # What a user has done to a machine or a home is on it when it is woken.
            self._breaker.own(kind, self._launch_id, self._context.hub.user_name)
        else:
            self._breaker.undecided(kind, self._launch_id)

    def _failed_at_boot(self, error: BaseException) -> bool:
        reasons = (Reason.BOOT.value, Reason.TIMEOUT.value)
        booted = self._context.launch.phase in (Phase.BOOTING, Phase.CLAIMED)
        return isinstance(error, EC2SpawnError) and error.reason in reasons and booted

    def _count_failure(self, kind: str, error: BaseException) -> None:
        context, settings = self._context, self._context.settings
        limit, pause = settings.boot_failure_limit, settings.boot_failure_pause
        user_name = context.hub.user_name
        if self._breaker.bad(kind, self._launch_id, user_name, limit, pause):
            context.log.error(
                "Machines of image %s, %s, fail to start servers again and again: "
                "none is launched for %.0f s. The last failure, of %s: %s",
                context.launch.image_id,
                ", ".join(settings.types),
                pause,
                context.label,
                error,
            )

    def _kind_of(self, image_id: str) -> str:
        settings = self._context.settings
        return digest(
            settings.region,
            image_id,
            " ".join(settings.types),
            settings.setup_script,
            settings.user_account,
            *settings.server_path,
            *self._context.hub.cmd,
        )

    def check_budget(self) -> None:
        """
        :raises EC2SpawnError: when what may be spent is spent
        """
        budgeting, user = self._context.runtime.budgeting, self._context.hub.user_row
        if not budgeting.budgets:
            return
        groups = [group.name for group in user.groups]
        decision = budgeting.decision(user.name, groups)
        if decision.refused_by is not None:
            raise budget_words.refused(decision.refused_by)
        if budgeting.refuse_unknown and (what := self._unpriced(decision.unknown)):
            raise budget_words.refused_unknown(what)

    def _check_homes(self, new_home: bool) -> None:
        context, most = self._context, self._context.settings.max_homes_per_user
        user = context.hub.user_name
        if not (new_home and most):
            return
        count = context.runtime.ledger.homes_of(user)
        if count >= most:
            raise EC2SpawnError(
                f"You have {count} homes, and each user of this hub may have {most}. "
                "Choose a server that has a home already, or ask your hub's admin.",
                reason=Reason.LIMIT,
                log_message=f"{user} has {count} homes; ec2spawner ls --homes has them",
            )

    def _unpriced(self, spent: frozenset[str]) -> str:
        """What has no known price, of what was spent already or is about to be."""
        settings, prices = self._context.settings, self._context.runtime.prices
        price = prices.spot if settings.market == "spot" else prices.of
        wanted = {t for t in settings.types if price(settings.region, t) is None}
        return ", ".join(sorted(wanted | spent))

    def _check_breaker(self, kind: str, launch_id: str) -> None:
        user_name = self._context.hub.user_name
        tripped = self._breaker.admit(kind, launch_id, user_name)
        if tripped is not None:
            wait = max(1, ceil(tripped.seconds / 60))
            raise EC2SpawnError(
                "Servers like this one have failed to start again and again, so the "
                "hub starts none of them just now. Choose another one, or try again "
                f"in {wait} min. Please tell your hub's admin.",
                reason=Reason.BOOT,
                log_message=f"{tripped.failures} launches of this kind failed to boot",
            )

    async def _check_caps(self, launch_id: str) -> None:
        context, settings = self._context, self._context.settings
        caps = Caps(
            settings.max_machines_per_user,
            settings.max_machines,
            settings.max_launches_per_minute,
        )
        if not caps:
            return
        owner = owner_id(context.hub_id, context.hub.user_name)
        await self._listed_once()
        full = self._admit(launch_id, owner, caps)
        if full is not None and full.cap != "minute":
            # An old listing may show what has ended since, so no place is refused by
            # it. It lacks nothing: what has come since is counted as pending.
            await self._listed_again()
            full = self._admit(launch_id, owner, caps)
        self._owner_id = owner
        if full is not None:
            raise _no_room(full, caps)

    def _admit(self, launch_id: str, owner: str, caps: Caps) -> Full | None:
        # Nothing is awaited between the count and the place that is taken.
        machines, listed = self._machines()
        server_id = self._context.state.server_id
        return self._limits.admit(launch_id, owner, caps, machines, listed, server_id)

    async def _listed_once(self) -> None:
        """Wait until EC2 has listed the hub's machines at least once in this life.

        :raises EC2SpawnError: when it does not, in the region of this server
        """
        own = self._context.fleet.inventory
        for inventory in (fleet.inventory for fleet in self._context.fleets()):
            if inventory.listing is None and (
                inventory is own or not inventory.failing
            ):
                await inventory.newer_than(0, _LISTING_SECONDS)
        if own.listing is None:
            raise EC2SpawnError(
                "AWS does not list this hub's machines just now, and so nobody can "
                "say whether there may be one more. Try again in a few minutes.",
                reason=Reason.CLOUD,
            )

    async def _listed_again(self) -> None:
        """Wait for news from all regions that tell any."""
        now = time.monotonic()
        ours = [f.inventory for f in self._context.fleets() if not f.inventory.failing]
        await asyncio.gather(*(i.newer_than(now, _LISTING_SECONDS) for i in ours))

    def _machines(self) -> tuple[list[Machine], float]:
        """All machines of the hub, and when the oldest listing of them began.

        In a region that EC2 has not listed in this life there are those of the ledger.
        What is ready and nobody's does not count: it gives way to people.
        """
        hub_id, ledger = self._context.hub_id, self._context.runtime.ledger
        ready = self._context.runtime.ready
        machines: list[Machine] = []
        listed = float("inf")
        for fleet in self._context.fleets():
            if (listing := fleet.inventory.listing) is not None:
                machines += (
                    replace(m, owner_id=ready.owner_of(m)) if m.ready_kind else m
                    for m in listing.machines.values()
                    if not ready.has(m)
                )
                listed = min(listed, listing.began)
            else:
                machines += (
                    Machine(run.id, "running", owner_id=owner_id(hub_id, run.who.user))
                    for run in ledger.machines_in(fleet.region)
                    if not run.builds
                )
        return machines, listed


def _no_room(full: Full, caps: Caps) -> EC2SpawnError:
    """What a user reads when a cap is reached."""
    if full.cap == "user" and full.stopped:
        return EC2SpawnError(
            f"You have {full.count} machines, of which {full.stopped} are stopped, and "
            f"each user of this hub may have {caps.per_user}. Delete a server that you "
            "need no more, or ask your hub's admin.",
            reason=Reason.LIMIT,
        )
    if full.cap == "user":
        return EC2SpawnError(
            f"You have {full.count} machines, and each user of this hub may have "
            f"{caps.per_user}. Stop another of your servers, then start this one.",
            reason=Reason.LIMIT,
        )
    if full.cap == "hub":
        return EC2SpawnError(
            f"This hub has {full.count} machines, and its admin allows "
            f"{caps.per_hub}. Try again when somebody has stopped a server.",
            reason=Reason.LIMIT,
        )
    return EC2SpawnError(
        f"This hub may start {caps.per_minute} machines a minute, and has done so. "
        f"Try again in {ceil(full.seconds)} seconds.",
        reason=Reason.LIMIT,
    )
