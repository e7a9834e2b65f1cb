"""The home of one server, from the settings to the machine that mounts it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from jupyterhub import orm

from ..core.errors import EC2SpawnError, Reason
from ..core.ids import kind_of_tag, owner_of
from ..core.kept_events import HomeKnown
from ..core.saved_state import home_in
from ..core.state import HomeRef
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.volumes import Volume
from ..fleet.unsaved import NotSaved
from ..homes.errors import in_use, in_use_by, refused
from ..homes.store import HomeSpec
from ..launch.failures import cancelled, spawn_error
from ..launch.plan import tag_values
from ..launch.progress import Progress
from .context import ServerContext

_FREE_SECONDS = 240.0
_ATTACH_SECONDS = 120.0
_LISTING_SECONDS = 10.0


class Home:
    """Finds or makes the home, and brings it to the machine of one start.

    It is brought once per boot, however many ask for it: the start, in time for the
    machine to find it there, and the machine's claim, also after the Hub was
    restarted between the two.
    """

    def __init__(self, context: ServerContext, progress: Progress) -> None:
        self._context = context
        self._progress = progress
        self._bringing: asyncio.Task[str] | None = None
        self._machine = ""
        #: why the home cannot be had; the start fails with it
        self.error: EC2SpawnError | None = None
        #: how far the home is while it moves to another zone; empty when it does not
        self.on_its_way = ""

    @property
    def wanted(self) -> bool:
        """The settings give this server a home."""
        return bool(self._context.settings.home != "none")

    @property
    def owner(self) -> str:
        """Whose home it is, as its tag says. Never a name."""
        return self._owner_of(self._context.hub.server_name)

    @property
    def _kind_wanted(self) -> str:
        """``"user"`` or ``"server"``: what it is, or is to be."""
        home = self._context.state.home
        return (home.kind if home else "") or str(self._context.settings.home)

    def _owner_of(self, server_name: str) -> str:
        context, kind = self._context, self._kind_wanted
        return owner_of(context.hub_id, context.hub.user_name, server_name, kind)

    async def find(self) -> Volume | None:
        """The home, if it exists; before a launch, which must go where it is.

        :raises EC2SpawnError: when it is lost, or nobody can say which it is
        :raises EC2Error: when EC2 does not answer
        """
        if not self.wanted:
            return None
        context, home = self._context, self._context.state.home
        here = home and home.region == context.settings.region
        known = home.id if home and here else self._known_by_others_of_the_user()
        homes = context.fleet.homes
        volume = await homes.find(self.owner, known, self._homes_of_others)
        if volume is None:
            return None
        self._remember(volume)
        if volume.owner != self.owner and not self._kind(volume):
            await self._hand_over(volume.id, self.owner)
        return volume

    def _remember(self, volume: Volume) -> None:
        context, before = self._context, self._context.state.home
        kind = self._kind(volume) or (before and before.kind) or context.settings.home
        moved = bool(before and before.moved)
        now = HomeRef(volume.id, context.settings.region, kind, moved)
        if now != before:
            now = replace(now, moved=moved or bool(volume.moved_from))
            context.apply(HomeKnown(now))

    def _kind(self, volume: Volume) -> str:
        context, hub = self._context, self._context.hub
        return kind_of_tag(context.hub_id, hub.user_name, hub.server_name, volume.owner)

    def _known_by_others_of_the_user(self) -> str:
        """The home that all of them share, as the row of another server names it.

        No listing says that there is none while the database knows one.
        """
        context, hub = self._context, self._context.hub
        if self._kind_wanted == "server":
            return ""
        for row in hub.db.query(orm.Spawner).filter_by(user_id=hub.user_row.id):
            home = home_in(row.state)
            if home is None or home.kind == "server":
                continue
            if home.region == context.settings.region:
                return home.id
        return ""

    def _homes_of_others(self) -> set[str]:
        """What the database knows as homes of others: one may have had this name."""
        hub = self._context.hub
        found = set()
        for row in hub.db.query(orm.Spawner):
            home = home_in(row.state)
            if home is None:
                continue
            shared = row.user_id == hub.user_row.id and (
                row.name == hub.server_name or home.kind != "server"
            )
            if not shared:
                found.add(home.id)
        return found

    async def renamed(self, new_name: str) -> None:
        """The server gets another name, and its home, if it is its own, that tag."""
        home = self._context.state.home
        if home and home.kind == "server":
            await self._hand_over(home.id, self._owner_of(new_name))

    async def _hand_over(self, volume_id: str, owner: str) -> None:
        context, home = self._context, self._context.state.home
        try:
            fleet = context.fleet_in(home.region if home else "")
            await fleet.homes.hand_over(volume_id, owner)
        except EC2Error as e:
            # The database knows it, and the sweep tries again.
            context.log.warning(
                "Home %s of %s cannot get the tag of the new name yet: %s",
                volume_id,
                context.label,
                admin_hint(e),
            )

    def begin(self) -> None:
        """Bring the home while the machine boots."""
        machine = self._context.launch.instance_id
        if machine != self._machine:
            self.end()
            self._machine = machine
        if self.wanted and (self._bringing is None or _not_saved(self._bringing)):
            self._bringing = asyncio.ensure_future(self._bring())
            self._bringing.add_done_callback(lambda t: t.cancelled() or t.exception())

    def end(self) -> None:
        """The machine is not to have it any more."""
        if self._bringing is not None:
            self._bringing.cancel()
            self._bringing = None

    async def brought(self) -> str:
        """The id of the volume, once it is attached; empty for no home.

        :raises NotSaved: when the database does not take now which it is
        :raises EC2SpawnError: when it cannot be had
        """
        self.begin()
        if (bringing := self._bringing) is None:
            return ""
        try:
            return await asyncio.shield(bringing)
        except asyncio.CancelledError:
            if bringing.cancelled():
                # Not who asks for it: the machine is not to have it any more.
                raise cancelled() from None
            raise

    async def _bring(self) -> str:
        try:
            return await self._bring_home()
        except EC2Error as e:
            self.error = refused(e, self._context.state.home_id) or spawn_error(e)
            raise self.error from e
        except NotSaved:
            raise  # the machine waits, and who asks the next time tries it again
        except EC2SpawnError as e:
            self.error = e
            raise

    async def _bring_home(self) -> str:
        context, launch = self._context, self._context.launch
        homes, attaching = context.fleet.homes, context.fleet.attaching
        async with homes.creation_locks[self.owner]:
            volume = await self.find()
            if volume is None:
                await self._runs()
                # Listings that lack it prove nothing: this is the third, and seconds
                # have passed. A second home would be somebody's lost work.
                volume = await self.find()
            if volume is None:
                volume = await homes.find_in_index(self.owner, self._homes_of_others)
                if volume is not None:
                    self._remember(volume)
            if volume is None:
                self._progress.tell(25, f"Making your home in {launch.zone}")
                volume = await homes.make(self._spec(), launch.zone, launch.id)
                self._remember(volume)
        if volume.attached_to not in ("", launch.instance_id):
            holder = volume.attached_to
            self._progress.tell(
                25, f"Waiting for your home, which machine {holder} still has"
            )
        mine = frozenset({launch.instance_id})
        await attaching.free(volume, mine, _FREE_SECONDS)
        if volume.zone != launch.zone:
            volume = await self._moved(volume)
        await attaching.grow(volume, context.settings.home_size)
        await attaching.attach(volume.id, launch.instance_id, _ATTACH_SECONDS)
        return volume.id

    async def _runs(self) -> None:
        """Return once the machine runs: the next one may be in another zone."""
        inventory = self._context.fleet.inventory
        while not self._context.launch.claimed_at:
            machine = inventory.get(self._context.launch.instance_id)
            if machine is not None and machine.state == "running":
                return
            await asyncio.sleep(inventory.fast)

    async def _moved(self, home: Volume) -> Volume:
        """The home, in the zone of the machine."""
        context, zone = self._context, self._context.launch.zone
        if not context.settings.home_may_move:
            raise EC2SpawnError(
                f"Your home ({home.id}) is in {home.zone}, and your machine in {zone}. "
                "Nothing is lost. Try again.",
                reason=Reason.HOME,
            )

        def tell(text: str) -> None:
            self.on_its_way = text
            self._progress.tell(30, text)

        try:
            tell(f"Moving your home from {home.zone} to {zone}")
            moved = await context.fleet.moves.move(home, zone, self._tags(), tell)
            self._remember(moved)
        finally:
            # A start that runs out of time reads it before it ends this.
            self.on_its_way = ""
        self._progress.tell(40, f"Your home is in {zone}")
        return moved

    def mounted(self) -> None:
        """The machine says that it has mounted the home."""
        context = self._context
        if home_id := context.state.home_id:
            context.fleet.detach(self._forget_old_volumes(home_id))

    def in_use(self) -> None:
        """A server runs from the home, whether or not we were told of the mount."""
        home = self._context.state.home
        if home and home.moved and not self._context.launch.rescued:
            self.mounted()

    async def _forget_old_volumes(self, home_id: str) -> None:
        context = self._context
        try:
            await context.fleet.moves.mounted(home_id)
            home = context.state.home
            if home and home.moved and home.id == home_id:
                with suppress(NotSaved):  # its next mount says so again
                    context.apply(HomeKnown(replace(home, moved=False)))
        except EC2Error as e:
            context.log.warning(
                "What home %s has moved from stays until its next mount: %s",
                home_id,
                admin_hint(e),
            )

    def _tags(self) -> dict[str, str]:
        context, hub = self._context, self._context.hub
        tags = tag_values(context.settings, hub.user_name, hub.server_name)
        tags["Name"] = f"ec2spawner-home-{self.owner[:8]}"
        return tags

    def _spec(self) -> HomeSpec:
        settings = self._context.settings
        key = settings.home_kms_key_id
        return HomeSpec(self.owner, settings.home_size, key, self._tags())


def _not_saved(bringing: asyncio.Task[str]) -> bool:
    done = bringing.done() and not bringing.cancelled()
    return done and isinstance(bringing.exception(), NotSaved)


async def check_free(context: ServerContext, home: Volume) -> None:
    """Refuse a start whose home another machine keeps.

    A machine that ends or stops gives it back, and the start waits for that.

    :raises EC2SpawnError: when another server of the user has it, or any machine that
        is not about to end
    """
    holder = home.attached_to
    if not holder or holder in set(_machines_on_their_way_out(context)):
        return
    for name, other in context.hub.siblings().items():
        if other.context.launch.instance_id != holder:
            continue
        if other.pending == "stop":
            return
        if other.active:
            raise in_use_by(home, name)
    inventory = context.fleet.inventory
    if await inventory.newer_than(time.monotonic(), _LISTING_SECONDS) is None:
        return  # an outage proves nothing
    try:
        # By its id, if no listing shows it: it may be somebody else's.
        machine = await inventory.look(holder)
    except EC2Error:
        return
    # A machine that is not this hub's is not about to give it back either.
    if machine is None or machine.state in ("pending", "running"):
        raise in_use(home, machine)


def _machines_on_their_way_out(context: ServerContext) -> Iterator[str]:
    """Those of all servers of the user that are stopped, or are to end."""
    others = [other.context for other in context.hub.siblings().values()]
    for state in (each.state for each in (context, *others)):
        yield from (doomed.instance_id for doomed in state.doomed)
        if state.stopped:
            yield state.stopped.instance_id
