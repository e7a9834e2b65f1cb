"""Builds that a hub's users wait for: begun once, joined by who wants the same.

What is being built, EC2 knows: a Hub that is started again joins a builder as anybody
does. Who waits may go; the build goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeVar

from ..core.errors import EC2SpawnError, Reason
from ..core.ids import owner_id
from ..core.tags import IMAGE_TAG, OWNER_TAG, SOURCE_TAG, STATUS_TAG, tag_value
from ..ec2.errors import EC2Error
from ..ec2.inventory.listing import list_machines
from ..images.builds.driver import Driver
from ..images.builds.errand import Errand, NotPlanned, plan_apart
from ..images.builds.follow import Event
from ..images.builds.order import order_of
from ..images.builds.planned import Planned
from ..images.builds.policy import builders_of
from ..images.builds.words import words_of
from ..images.errors import ImageError, Unreadable
from ..launch.failures import spawn_error
from ..profiles.repository import Repository
from ..settings import LaunchSettings
from .build_line import BuildLine
from .fleet import Fleet
from .fleets import Fleets

T = TypeVar("T")
Tell = Callable[[float, str], None]

# To read a repository and solve what it asks for, before any machine.
_PLAN_SECONDS = 600.0
# It takes a processor and some hundred MB, and the Hub has users beside these.
_PLANS_AT_ONCE = 2
_DAY = 86400.0
# So many of the last builds say how long the next takes.
_MOST_TIMES = 20
_MOST_PLANS = 100
_OTHER = "Mend the repository, or choose other software."


@dataclass(frozen=True)
class BuildWish:
    """What a start wants.

    :ivar settings: of its server, with its user's choice
    :ivar base: what the image begins with, as the setting ``image`` has it
    """

    fleet: Fleet
    settings: LaunchSettings
    repository: Repository
    base: str
    user: str


@dataclass
class _Build:
    """One build that is under way."""

    began: float
    task: asyncio.Task[str] | None = None
    last: Event = field(default_factory=lambda: Event("launch"))
    tells: list[Callable[[Event], None]] = field(default_factory=list)
    #: it has not begun: others are before it
    in_line: bool = True

    def event(self, event: Event) -> None:
        self.last = event
        for tell in list(self.tells):
            tell(event)


class Builds:
    """All of a hub's process.

    :param begun_by: of a user and a moment, how many builds the ledger has since then
    """

    def __init__(
        self,
        fleets: Fleets,
        begun_by: Callable[[str, float], int] = lambda user, since: 0,
        clock: Callable[[], float] = time.time,
        plan: Callable[[Errand, float], Coroutine[Any, Any, Planned]] = plan_apart,
        follow: Callable[..., Driver] = Driver,
    ) -> None:
        self._fleets = fleets
        self._begun_by = begun_by
        self._clock = clock
        self._plan_apart = plan
        self._follow_build = follow
        self._plans: dict[tuple[str, Errand], asyncio.Task[Planned]] = {}
        self._planning = asyncio.Semaphore(_PLANS_AT_ONCE)
        #: what each has last asked for: no server stands still with somebody's git
        self._last: dict[tuple[str, Errand], Planned] = {}
        #: by region and key
        self._running: dict[tuple[str, str], _Build] = {}
        #: user -> when they have begun builds
        self._begun: dict[str, list[float]] = {}
        self._took: list[float] = []
        self._line = BuildLine()

    async def image(self, wish: BuildWish, tell: Tell) -> str:
        """The id of the image of a repository: found, built, or waited for.

        :param tell: is told how far it is, 0 to 1, and in words
        :raises EC2SpawnError: when there is none, or not in time
        """
        steps: list[str] = []
        joined: list[_Build] = []

        def told(share: float, words: str) -> None:
            steps.append(words)
            tell(share, words)

        timeout = wish.settings.build_timeout
        try:
            return await asyncio.wait_for(self._image(wish, told, joined), timeout)
        except asyncio.TimeoutError as e:
            if joined and joined[0].in_line:
                raise _not_begun(wish.repository) from e
            raise _not_yet(wish.repository, steps[-1] if steps else "") from e
        except EC2Error as e:
            raise spawn_error(e) from e

    async def _image(self, wish: BuildWish, tell: Tell, joined: list[_Build]) -> str:
        """
        :param joined: gets the build that it waits for
        """
        fleet, settings = wish.fleet, wish.settings
        tell(0, f"Looking what {wish.repository} asks for")
        base = await fleet.images.resolve(wish.base, settings.image_owners)
        errand = Errand(
            wish.repository.url,
            wish.repository.ref,
            fleet.hub_id,
            base,
            settings.build_source_packages,
        )
        planned = await self._planned(wish, errand, tell)
        if planned.solved_at:
            day = time.strftime("%Y-%m-%d", time.gmtime(planned.solved_at))
            tell(0, f"Its packages are those of {day}, when it was asked for first")
        asked = {
            OWNER_TAG: owner_id(fleet.hub_id, wish.user),
            SOURCE_TAG: tag_value(wish.repository.url),
        }
        order = order_of(
            planned,
            settings,
            fleet.hub_id,
            base,
            settings.build_instance_type,
            public_ip=settings.build_public_ip,
            more_tags=asked,
        )
        build = _Build(self._clock())
        driver = self._follow_build(fleet.clients, order, build.event)
        found = await driver.find()
        if found is not None and found.ready:
            return found.id
        if found is not None and found.state == "available":
            raise EC2SpawnError(
                f"The image of {wish.repository} is there, and its test is not over or "
                "has failed. Try again in a few minutes, or ask your hub's admin.",
                reason=Reason.IMAGE,
                log_message=f"{found.id} is {found.tags.get(STATUS_TAG)}, not ready: "
                "look with ec2spawner image test",
            )
        key = fleet.region, planned.key
        there = key in self._running or await self._is_there(fleet, planned.key)
        # Nothing is awaited between the look and the entry.
        running = self._running.get(key)
        if running is None:
            # One that is there, such as of a Hub that was ended, is joined.
            build.in_line = not there
            begun = 0.0 if there else self._count(wish)
            running = self._running[key] = build
            work = self._run(wish, key, build, driver, begun)
            build.task = asyncio.ensure_future(work)
            build.task.add_done_callback(_looked_at)
        elif not running.in_line:
            tell(running.last.share, "It is being built already")
        joined.append(running)
        return await self._follow(running, wish.repository, tell)

    async def _planned(self, wish: BuildWish, errand: Errand, tell: Tell) -> Planned:
        """Who wants the same at the same time waits for the same plan."""
        key = wish.fleet.region, errand
        task = self._plans.get(key)
        if task is None:
            task = asyncio.ensure_future(self._plan(errand))
            task.add_done_callback(_looked_at)
            task.add_done_callback(lambda _: self._plans.pop(key, None))
            self._plans[key] = task
        try:
            planned = await asyncio.shield(task)
        except ImageError as e:
            if isinstance(e, Unreadable) and key in self._last:
                tell(0, "The repository cannot be read just now: it is as last time")
                return self._last[key]
            raise EC2SpawnError(
                f"No image can be made of {wish.repository}: {_ended(e)} {_OTHER}",
                reason=Reason.OPTIONS,
            ) from e
        except NotPlanned as e:
            raise EC2SpawnError(
                f"This hub cannot look into {wish.repository} just now. Please tell "
                "your hub's admin.",
                reason=Reason.IMAGE,
                log_message=f"The plan of {wish.repository} has failed: {e}",
            ) from e
        self._last.pop(key, None)  # the newest comes last
        self._last[key] = planned
        while len(self._last) > _MOST_PLANS:
            del self._last[next(iter(self._last))]
        return planned

    async def _plan(self, errand: Errand) -> Planned:
        async with self._planning:
            return await self._plan_apart(errand, _PLAN_SECONDS)

    async def _is_there(self, fleet: Fleet, key: str) -> bool:
        """Whether it has a builder already."""
        here = await list_machines(fleet.clients.reading, fleet.hub_id)
        return any(not each.gone for each in builders_of(here.values(), key))

    async def _being_built(self, fleet: Fleet) -> set[str]:
        """Keys of what the hub builds: EC2's word, and what we have asked for."""
        here = await list_machines(fleet.clients.reading, fleet.hub_id)
        machines = [*here.values()]
        for other in self._fleets.of_hub(fleet.hub_id):
            if other is not fleet and other.inventory.listing is not None:
                machines += other.inventory.listing.machines.values()
        keys = {m.build for m in machines if m.build and not m.gone}
        return keys | {key for (_, key), b in self._running.items() if not b.in_line}

    def _count(self, wish: BuildWish) -> float:
        """Write down that the user has one more built, and when.

        :raises EC2SpawnError: when the hub's admin allows them no more
        """
        settings, now = wish.settings, self._clock()
        mine = [at for at in self._begun.get(wish.user, ()) if now - at < _DAY]
        count = max(len(mine), self._begun_by(wish.user, now - _DAY))
        most = settings.max_builds_per_user_per_day
        if most and count >= most:
            raise EC2SpawnError(
                f"You have had {count} images built within a day, and each user of "
                f"this hub may have {most}. Choose other software, try again tomorrow, "
                "or ask your hub's admin.",
                reason=Reason.LIMIT,
            )
        self._begun[wish.user] = [*mine, now]
        return now

    async def _run(
        self,
        wish: BuildWish,
        key: tuple[str, str],
        build: _Build,
        driver: Driver,
        begun: float,
    ) -> str:
        try:
            if build.in_line and not await self._turn(wish, key, build, driver):
                self._begun[wish.user].remove(begun)  # it has cost nothing
                raise ImageError("nobody waits for it any more")
            build.in_line = False
            build.began = self._clock()
            image = await driver.run()
        finally:
            del self._running[key]
        if not image.ready:
            raise ImageError(
                f"there is {image.id}, whose test is not over: try again in a few "
                "minutes"
            )
        self._took = [*self._took, self._clock() - build.began][-_MOST_TIMES:]
        wish.fleet.detach(_look_at_shelf(wish.fleet))  # for the form
        return image.id

    async def _turn(
        self, wish: BuildWish, key: tuple[str, str], build: _Build, driver: Driver
    ) -> bool:
        """Wait for it; False when nobody waits for this build any more."""

        async def busy() -> int:
            return len(await self._being_built(wish.fleet) - {key[1]})

        def told(before: int) -> None:
            some = "1 build" if before == 1 else f"{before} builds"
            build.event(Event("told", f"it waits for {some} before it"))

        async def look() -> bool | None:
            if not build.tells:
                return False
            most = wish.settings.max_builds
            return await self._line.look(key, busy, most, told) or None

        try:
            return await driver.until(look)
        finally:
            self._line.leave(key)

    async def _follow(self, build: _Build, repository: Repository, tell: Tell) -> str:
        told = [""]

        def event(event: Event) -> None:
            words = words_of(event)
            if event.word != "log" and words != told[-1]:
                told.append(words)
                tell(event.share, f"Image of {repository}: {words}{self._left(build)}")

        assert build.task is not None
        build.tells.append(event)
        event(build.last)
        try:
            return await asyncio.shield(build.task)
        except ImageError as e:
            raise EC2SpawnError(
                f"The image of {repository} could not be made: {_ended(e)} {_OTHER}",
                reason=Reason.IMAGE,
            ) from e
        finally:
            build.tells.remove(event)

    def left_of(self, fleet: Fleet, what: str) -> float | None:
        """Seconds that a build still takes, 0 for an unknown time, None for no build.

        :param what: the name of its image, or where its repository is
        """
        listing = fleet.inventory.listing
        for each in listing.machines.values() if listing else ():
            of = (each.tags.get(IMAGE_TAG), each.tags.get(SOURCE_TAG))
            if each.build and not each.gone and what in of:
                return self._seconds_left(each.launched_at)
        return None

    def _seconds_left(self, began: float) -> float:
        """If builds before it can tell."""
        if not self._took:
            return 0.0
        return max(0.0, median(self._took) - (self._clock() - began))

    def _left(self, build: _Build) -> str:
        if build.in_line:
            return ""
        left = self._seconds_left(build.began)
        return f" (about {max(1, round(left / 60))} min left)" if left else ""


async def _look_at_shelf(fleet: Fleet) -> None:
    with suppress(EC2Error):  # the Hub looks again by itself
        await fleet.images.look_at_shelf()


def _not_yet(repository: Repository, step: str) -> EC2SpawnError:
    last = f" The last step was: {step}." if step else ""
    return EC2SpawnError(
        f"The image of {repository} is still being built, and the build goes on.{last} "
        "Start your server again in a few minutes: it takes the image as soon as it "
        "is there.",
        reason=Reason.TIMEOUT,
    )


def _not_begun(repository: Repository) -> EC2SpawnError:
    return EC2SpawnError(
        f"The image of {repository} is not built yet: this hub has built others all "
        "the time. Start your server again in a few minutes, or choose other software.",
        reason=Reason.TIMEOUT,
    )


def _ended(error: ImageError) -> str:
    """As a sentence's end."""
    return f"{str(error).rstrip('.')}."


def _looked_at(task: asyncio.Task[T]) -> None:
    """Nobody may be waiting for it any more; asyncio would complain."""
    if not task.cancelled():
        task.exception()
