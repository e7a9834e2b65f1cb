"""The way of one launch through its candidates, until EC2 gives a machine."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..core.errors import EC2SpawnError
from ..core.ids import client_token
from ..core.metrics import CAPACITY_ERRORS
from ..ec2.again import repeat_in_doubt
from ..ec2.clients import Clients, NotSent
from ..ec2.errors import EC2Error, admin_hint, zones_named
from ..ec2.errors.kinds import Kind
from ..ec2.errors.table import meaning_of_end
from ..ec2.inventory import Inventory
from ..ec2.machines import Machine, machine_of_token, run_machine
from ..ec2.throttle import Throttle
from .failures import spawn_error
from .plan import Candidate, LaunchPlan
from .unavailable import News, Unavailable, covers

_WORTH_TELLING_SECONDS = 2.0
# Zones have bad days one by one. When two are in doubt, EC2 itself is.
_MOST_DOUBTS = 2
_THROTTLE_SECONDS = (1.0, 2.0, 4.0, 8.0)

_TRY_NEXT = frozenset((Kind.CAPACITY, Kind.UNFIT, Kind.QUOTA))
_IN_DOUBT = frozenset((Kind.AMBIGUOUS, Kind.TOKEN_USED))


@dataclass(frozen=True)
class Attempt:
    """One RunInstances call, with the token that makes its repeats harmless."""

    client_token: str
    candidate: Candidate


@dataclass(frozen=True)
class Reporter:
    """Whom the attempts keep informed.

    :ivar attempt: must have saved the attempt when it returns; what it raises
        ends them before the call
    :ivar abandon: is given the client token of an attempt that stays in doubt,
        before the next one: a machine of it that shows up late must be ended
    :ivar tell: is given a sentence for the user whenever they go on
    """

    attempt: Callable[[Attempt], None]
    abandon: Callable[[str], None]
    tell: Callable[[str], None]


class Launcher:
    """What the launches of one fleet share."""

    def __init__(
        self, clients: Clients, inventory: Inventory, log: logging.Logger
    ) -> None:
        self.clients = clients
        self.inventory = inventory
        self.log = log
        self.unavailable = Unavailable()

    def attempts(self, plan: LaunchPlan, reporter: Reporter) -> Attempts:
        """A launch that has not begun."""
        return Attempts(self, plan, reporter)


class Attempts:
    """One launch on its way. Made by :meth:`Launcher.attempts`.

    ``next()`` gives a machine. When that one dies before it is of use, ``lost()``
    says whether ``next()`` may give another. No two calls at once.
    """

    def __init__(
        self, launcher: Launcher, plan: LaunchPlan, reporter: Reporter
    ) -> None:
        self._launcher = launcher
        self._plan = plan
        self._reporter = reporter
        self._log = launcher.log
        self._left = list(plan.candidates)
        self._refusals: list[News] = []
        self._began = time.monotonic()
        self._attempts = 0
        self._doubts = 0
        #: the answer to a call of the present attempt was lost
        self._unanswered = False
        #: EC2 did not even say what it has
        self._blind = False
        self._failed_machines = 0
        self._now: Candidate | None = None

    @property
    def refused(self) -> bool:
        """EC2 has refused every attempt for certain: there is no machine."""
        return self._now is None and not self._doubts

    async def next(self) -> Machine:
        """Go on until EC2 gives a machine.

        :raises EC2SpawnError: when no candidate is left, or none can help
        """
        while (candidate := self._best()) is not None:
            self._tell_step(candidate)
            try:
                machine = await self._try(candidate)
            except NotSent:
                # Others have learned something while this launch waited in line.
                continue
            if machine is not None:
                return machine
        raise self._failure()

    def lost(self, machine: Machine) -> bool:
        """Take note that the machine has ended for certain.

        :returns: whether another candidate may do better
        """
        candidate, self._now = self._now, None
        if candidate is None:
            return False
        meaning = meaning_of_end(machine.reason_code)
        self._learn(
            candidate,
            EC2Error("RunInstances", machine.reason_code, machine.why, meaning),
        )
        if meaning.kind is Kind.ELSEWHERE:
            self._failed_machines += 1
            return self._failed_machines < 2 and bool(self._left)
        return meaning.kind in _TRY_NEXT and bool(self._left)

    # -- which candidate -------------------------------------------------------

    def _best(self) -> Candidate | None:
        """The first candidate that nothing speaks against.

        When something speaks against each, the one refused longest ago: a person
        who presses Start wants it tried. But what EC2 said to others since this
        launch began is not asked again, or a class that logs in together would
        ask for each candidate in each of its launches.

        Where the user's home is, too, old news are not believed: a home that moves
        costs its user more time than one question.
        """
        known = [(self._launcher.unavailable.of(each), each) for each in self._left]
        home = self._plan.home_zone
        for news, each in known:
            if news is None or home and each.zone == home and news.at < self._began:
                return each
        stale = [(n.at, each) for n, each in known if n and n.at < self._began]
        return min(stale, key=lambda pair: pair[0])[1] if stale else None

    def _learn(self, candidate: Candidate, error: EC2Error) -> None:
        """Draw the consequences of a refusal, for this launch and for others."""
        # The first of its kind: the end of the launch has them all.
        known = error.code in [news.error.code for news in self._refusals]
        self._log.log(
            logging.DEBUG if known else logging.WARNING,
            "Launch %s, %s: %s",
            self._plan.launch_id,
            candidate,
            admin_hint(error),
        )
        self._refusals.append(News(time.monotonic(), candidate, error))
        if error.kind is Kind.CAPACITY:
            CAPACITY_ERRORS.labels(candidate.instance_type, candidate.zone).inc()
        self._launcher.unavailable.note(candidate, error)
        scope = error.meaning.scope
        self._left = [c for c in self._left if not covers(scope, candidate, c)]
        if zones := zones_named(error):
            self._left = reordered(self._left, candidate, zones)

    def _failure(self) -> EC2SpawnError:
        """Why there is no machine: of all reasons the one that passes soonest."""
        seen = self._refusals or [
            news
            for each in self._left
            if (news := self._launcher.unavailable.of(each)) is not None
        ]
        news = min(seen, key=lambda n: n.error.meaning.seconds or float("inf"))
        failure = spawn_error(news.error)
        whys: dict[str, list[str]] = {}
        for each in seen:
            whys.setdefault(admin_hint(each.error), []).append(str(each.candidate))
        failure.log_message = "; ".join(
            f"{', '.join(dict.fromkeys(where))}: {why}" for why, where in whys.items()
        )
        failure.__cause__ = news.error
        return failure

    # -- one candidate ---------------------------------------------------------

    async def _try(self, candidate: Candidate) -> Machine | None:
        """One attempt; None when another may follow.

        :raises EC2SpawnError: when it cannot
        """
        self._attempts += 1
        self._unanswered = False
        token = client_token(self._plan.launch_id, self._attempts - 1)
        self._reporter.attempt(Attempt(token, candidate))
        if place := place_in_line(self._launcher.clients.throttle, "RunInstances"):
            self._reporter.tell(place)
        try:
            machine = await self._settled(candidate, token)
        except EC2Error as e:
            self._learn(candidate, e)
            in_doubt = self._unanswered or e.kind in _IN_DOUBT
            self._doubts += in_doubt
            if e.kind not in _TRY_NEXT | _IN_DOUBT:
                raise spawn_error(e) from e
            if in_doubt:
                if self._blind or self._doubts >= _MOST_DOUBTS or not self._left:
                    raise spawn_error(e) from e
                self._reporter.abandon(token)
            return None
        self._now = candidate
        return machine

    async def _settled(self, candidate: Candidate, token: str) -> Machine:
        """The answer to one attempt, asked for again while it is in doubt."""
        try:
            return await repeat_in_doubt(
                lambda repeat: self._run(candidate, token, first=not repeat),
                self._may_repeat,
                pause=0.2,
            )
        except EC2Error as e:
            # A repeat that is refused says nothing of the call before it.
            in_doubt = self._unanswered or e.kind in _IN_DOUBT
            if in_doubt and (found := await self._look_for(token)):
                return found
            raise

    def _may_repeat(self, error: EC2Error) -> bool:
        if error.kind is not Kind.AMBIGUOUS:
            return False
        if not self._launcher.clients.retries.allow():
            return False
        self._unanswered = True
        self._log.warning(
            "Launch %s: the answer is in doubt, repeating the identical call: %s",
            self._plan.launch_id,
            error,
        )
        return True

    async def _look_for(self, token: str) -> Machine | None:
        """The machine of an attempt in doubt: by its tag, then by its token."""
        launcher = self._launcher
        seconds = launcher.inventory.fast * 4 + 2
        found = await find(launcher.inventory, self._plan.launch_id, seconds, token)
        if found is not None:
            return found
        try:
            return await machine_of_token(launcher.clients.reading, token)
        except EC2Error:
            self._blind = True
            return None

    async def _run(self, candidate: Candidate, token: str, first: bool) -> Machine:
        """RunInstances, repeated while AWS is throttling.

        :param first: nothing of this attempt has been sent yet
        """
        launcher = self._launcher
        for seconds in (*_THROTTLE_SECONDS, None):
            try:
                return await run_machine(
                    launcher.clients.launching,
                    candidate.request,
                    token,
                    lambda: not first or self._best() is candidate,
                )
            except EC2Error as e:
                if e.kind is not Kind.THROTTLED or seconds is None:
                    raise
                await asyncio.sleep(seconds * random.uniform(0.5, 1.5))
        raise AssertionError("the loop above returns or raises")

    # -- words -----------------------------------------------------------------

    def _tell_step(self, candidate: Candidate) -> None:
        """Say why it is not the candidate before, if there was one."""
        before = self._refusals[-1] if self._refusals else self._passed_over(candidate)
        if before is not None:
            step = before.error.meaning.step.format(
                machine=before.candidate.machine, place=before.candidate.place
            )
            text = f"{step}, trying {way_on(before.candidate, candidate)}"
            self._reporter.tell(text[0].upper() + text[1:])

    def _passed_over(self, candidate: Candidate) -> News | None:
        first = self._left[0]
        return self._launcher.unavailable.of(first) if candidate != first else None


def place_in_line(throttle: Throttle, action: str) -> str:
    """How long a user waits for AWS's limits; empty when it is not worth telling."""
    wait = throttle.wait(action)
    if wait <= _WORTH_TELLING_SECONDS:
        return ""
    return f"{throttle.ahead(action)} launches are ahead of yours, about {wait:.0f} s"


def reordered(
    left: list[Candidate], refused: Candidate, zones: tuple[str, ...]
) -> list[Candidate]:
    """Put the zones first that EC2 recommends for the machine it refused.

    Other types and markets keep their places: EC2 spoke of this one only.
    """
    same = (c for c in left if c.machine == refused.machine)
    sorted_ = iter(sorted(same, key=lambda c: c.zone not in zones))
    return [next(sorted_) if each.machine == refused.machine else each for each in left]


def way_on(refused: Candidate, then: Candidate) -> str:
    """What is tried next, in as few words as tell the difference."""
    if refused.hibernates and not then.hibernates and refused.zone == then.zone:
        return "without"
    if refused.machine == then.machine:
        return then.zone or "another zone"
    machine = then.machine
    if refused.market != then.market and machine == then.instance_type:
        machine = f"{then.market} {machine}"
    return f"{machine} in {then.zone}" if then.zone else machine


async def find(
    inventory: Inventory, launch_id: str, timeout: float, client_token: str = ""
) -> Machine | None:
    """The machine of a launch, by its tag; None if no listing in time has it.

    :param client_token: only a machine that this attempt of the launch made
    """
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        await inventory.next(left)
        if machine := inventory.of_launch(launch_id, client_token):
            return machine
    return None
