"""The home of one server's user, from the settings to the machine that mounts it."""

from __future__ import annotations

import asyncio

from jupyterhub import orm
from sqlalchemy import inspect

from ..core.errors import EC2SpawnError, Reason
from ..core.ids import kind_of_tag, owner_of
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.volumes import Volume
from ..homes.errors import refused
from ..homes.store import HomeSpec
from ..launch.failures import spawn_error
from ..launch.plan import tag_values
from .context import Server
from .progress import Progress

_FREE_SECONDS = 240.0
_ATTACH_SECONDS = 120.0


class Housing:
    """Finds or makes the home, and brings it to the machine of one start.

    It is brought once per boot, however many ask for it: the start, in time for the
    machine to find it there, and the machine's claim, also after the Hub was
    restarted between the two.
    """

    def __init__(self, spawner: Server, progress: Progress) -> None:
        self._spawner = spawner
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
        return bool(self._spawner.home != "none")

    @property
    def owner(self) -> str:
        """Whose home it is, as its tag says. Never a name."""
        return self._owner_of(self._spawner.name)

    def _owner_of(self, server_name: str) -> str:
        spawner = self._spawner
        kind, user = spawner.home, spawner.user.name
        if spawner.state.home_id:
            kind = spawner.state.home_kind or kind
        return owner_of(spawner.hub_id, user, server_name, kind)

    async def find(self) -> Volume | None:
        """The home, if it exists; before a launch, which must go where it is.

        :raises EC2SpawnError: when it is lost, or nobody can say which it is
        :raises EC2Error: when EC2 does not answer
        """
        if not self.wanted:
            return None
        spawner, state = self._spawner, self._spawner.state
        known = state.home_id if state.home_region == spawner.region else ""
        homes = spawner.fleet.homes
        volume = await homes.find(self.owner, known, self._homes_of_others)
        if volume is None:
            return None
        self._remember(volume)
        if volume.owner != self.owner and not self._kind(volume):
            await self._hand_over(volume.id, self.owner)
        return volume

    def _remember(self, volume: Volume) -> None:
        spawner, state = self._spawner, self._spawner.state
        kind = self._kind(volume) or state.home_kind or spawner.home
        now = (volume.id, spawner.region, kind)
        if (state.home_id, state.home_region, state.home_kind) != now:
            state.home_moved |= bool(volume.moved_from)
            state.home_id, state.home_region, state.home_kind = now
            spawner.save_state()

    def _kind(self, volume: Volume) -> str:
        spawner = self._spawner
        user, server = spawner.user.name, spawner.name
        return kind_of_tag(spawner.hub_id, user, server, volume.owner)

    def _homes_of_others(self) -> set[str]:
        """What the database knows as homes of others: one may have had this name."""
        spawner = self._spawner
        found = set()
        for row in spawner.db_session.query(orm.Spawner):
            saved = row.state or {}
            shared = row.user_id == spawner.user.id and (
                row.name == spawner.name or saved.get("home_kind") != "server"
            )
            if not shared:
                found.add(saved.get("home_id", ""))
        return found

    async def renamed(self, new_name: str) -> None:
        """The server gets another name, and its home, if it is its own, that tag."""
        state = self._spawner.state
        if state.home_id and state.home_kind == "server":
            await self._hand_over(state.home_id, self._owner_of(new_name))

    async def _hand_over(self, volume_id: str, owner: str) -> None:
        spawner = self._spawner
        try:
            await spawner.fleet_in(spawner.state.home_region).homes.hand_over(
                volume_id, owner
            )
        except EC2Error as e:
            # The database knows it, and the sweep tries again.
            spawner.log.warning(
                "Home %s of %s cannot get the tag of the new name yet: %s",
                volume_id,
                spawner._log_name,
                admin_hint(e),
            )

    def begin(self) -> None:
        """Bring the home while the machine boots."""
        machine = self._spawner.state.instance_id
        if machine != self._machine:
            self.end()
            self._machine = machine
        if self.wanted and self._bringing is None:
            self._bringing = asyncio.ensure_future(self._bring())
            self._bringing.add_done_callback(lambda t: t.cancelled() or t.exception())

    def end(self) -> None:
        """The machine is not to have it any more."""
        if self._bringing is not None:
            self._bringing.cancel()
            self._bringing = None

    async def brought(self) -> str:
        """The id of the volume, once it is attached; empty for no home.

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
                raise EC2SpawnError(
                    "The start was cancelled.", reason=Reason.CANCELLED
                ) from None
            raise

    async def _bring(self) -> str:
        try:
            return await self._bring_home()
        except EC2Error as e:
            self.error = refused(e, self._spawner.state.home_id) or spawn_error(e)
            raise self.error from e
        except EC2SpawnError as e:
            self.error = e
            raise

    async def _bring_home(self) -> str:
        spawner, state = self._spawner, self._spawner.state
        homes, attaching = spawner.fleet.homes, spawner.fleet.attaching
        async with homes.making[self.owner]:
            volume = await self.find()
            if volume is None:
                await self._runs()
                self._progress.tell(25, f"Making your home in {state.zone}")
                volume = await homes.make(self._spec(), state.zone, state.launch_id)
                self._remember(volume)
        if volume.attached_to not in ("", state.instance_id):
            self._progress.tell(25, f"Waiting until {volume.attached_to} gives it back")
        mine = frozenset({state.instance_id})
        await attaching.free(volume, mine, _FREE_SECONDS)
        if volume.zone != state.zone:
            volume = await self._moved(volume)
        await attaching.grow(volume, spawner.home_size)
        await attaching.attach(volume.id, state.instance_id, _ATTACH_SECONDS)
        return volume.id

    async def _runs(self) -> None:
        """Return once the machine runs: the next one may be in another zone."""
        spawner, state = self._spawner, self._spawner.state
        inventory = spawner.fleet.inventory
        while not state.claimed_at:
            machine = inventory.get(state.instance_id)
            if machine is not None and machine.state == "running":
                return
            await asyncio.sleep(inventory.fast)

    async def _moved(self, home: Volume) -> Volume:
        """The home, in the zone of the machine."""
        spawner, zone = self._spawner, self._spawner.state.zone
        if not spawner.home_may_move:
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
            moved = await spawner.fleet.moves.move(home, zone, self._tags(), tell)
            self._remember(moved)
        finally:
            # A start that runs out of time reads it before it ends this.
            self.on_its_way = ""
        self._progress.tell(40, f"Your home is in {zone}")
        return moved

    def mounted(self) -> None:
        """The machine says that it has mounted the home."""
        spawner = self._spawner
        if home_id := spawner.state.home_id:
            spawner.fleet.detach(self._forget_old_volumes(home_id))

    def in_use(self) -> None:
        """A server runs from the home, whether or not we were told of the mount."""
        state = self._spawner.state
        if state.home_moved and not state.rescued:
            self.mounted()

    async def _forget_old_volumes(self, home_id: str) -> None:
        spawner = self._spawner
        try:
            await spawner.fleet.moves.mounted(home_id)
            if spawner.state.home_moved and spawner.state.home_id == home_id:
                spawner.state.home_moved = False
                # The row of a deleted server is gone.
                if inspect(spawner.orm_spawner).persistent:
                    spawner.save_state()
        except EC2Error as e:
            spawner.log.warning(
                "What home %s has moved from stays until its next mount: %s",
                home_id,
                admin_hint(e),
            )

    def _tags(self) -> dict[str, str]:
        spawner = self._spawner
        tags = tag_values(spawner, spawner.user.name, spawner.name)
        tags["Name"] = f"ec2spawner-home-{self.owner[:8]}"
        return tags

    def _spec(self) -> HomeSpec:
        spawner = self._spawner
        key = spawner.home_kms_key_id
        return HomeSpec(self.owner, spawner.home_size, key, self._tags())
