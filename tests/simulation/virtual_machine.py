"""Machines that claim by themselves, without a process behind them."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ec2spawner.claim.agent.config import read_config, script_of
from localec2.machines.base import Ending, NoMachine, VolumeBusy, VolumeSpec
from localec2.world.metadata_view import metadata_view

if TYPE_CHECKING:
    from .virtual_disks import Disks
    from .virtual_hub import Hub

BOOT_SECONDS = 2.0
SERVER_SECONDS = 3.0
BEAT_SECONDS = 300.0


@dataclass
class VirtualUse:
    """What a machine would see of its use."""

    #: when somebody was there last, by the world's clock
    used_at: float
    runs: str = ""
    sees_people: bool = True
    keep: float = 0.0

    def seen(self, now: float) -> dict[str, Any]:
        alone = now - self.used_at
        return {
            "human_idle": alone,
            "compute_idle": 0 if self.runs else alone,
            "why_active": [self.runs] if self.runs else [],
            "sees_people": self.sees_people,
            "keep": self.keep,
        }


class VirtualMachine(NoMachine):
    """Does what the agent does, in the order in which the agent does it.

    It outlives the Hub: whatever it has not been able to say, it says again to the
    next.
    """

    def __init__(
        self, spec: Any, ended: Any, instance: Any, hub: Hub | None, disks: Disks
    ) -> None:
        super().__init__(spec, ended)
        self.disks = disks
        self.plugged = {volume.volume_id for volume in spec.volumes}
        self.address = spec.private_ip
        self.instance = instance
        self.hub = hub
        self.key = secrets.token_hex(16)
        self.on = False
        self.serving = False
        #: its agent is masked: it says nothing any more
        self.mute = False
        self.beat_at = 0.0
        #: what it sees of its use; None for an agent that does not look
        self.use: VirtualUse | None = None
        #: its server has ended for good
        self.over = False
        self.booted_at = 0.0
        self.orders: dict[str, Any] = {}
        self.claimed_with = ""
        self.to_say: list[dict[str, Any]] = []

    # What the cloud does.

    def start(self) -> None:
        self.on = True
        if self.hub is not None:
            self.booted_at = self.hub.world.time.now
            self.hub.meet(self)

    def stop(self, grace: float) -> None:
        # What has ended in its memory begins anew when it boots.
        self.on = self.serving = self.over = False
        self.use = None
        self.disks.unmount(self)

    def hibernate(self) -> None:
        # What is mounted stays so, in its memory.
        self.on = self.serving = False
        self.use = None

    def resume(self) -> None:
        self.start()

    def destroy(self, grace: float, keep_disk: bool = False) -> None:
        self.stop(grace)

    def power_off(self) -> None:
        if self.on:
            self.stop(0)
            self.ended(Ending.SHUTDOWN)

    def attach(self, volume: VolumeSpec) -> None:
        self.plugged.add(volume.volume_id)

    def detach(self, volume: VolumeSpec, force: bool = False) -> None:
        if self.disks.mounted.get(volume.volume_id) is self:
            if force:
                self.disks.wrongs.append(f"{volume.volume_id} was torn off")
            raise VolumeBusy(volume.volume_id)
        self.plugged.discard(volume.volume_id)

    # What happens on it.

    @property
    def config(self) -> dict[str, Any]:
        """By its user-data, which changes while it is stopped."""
        return read_config(script_of(self.instance.raw_user_data))

    @property
    def identity(self) -> str:
        """Its document, signed: milliseconds, so only for a hub that asks for it."""
        assert self.hub is not None
        if not self.hub.settings.get("identity_certificates"):
            return ""
        cloud = self.hub.world.cloud
        view = metadata_view(self.instance, cloud.signer_of(self.instance))
        item = view.items["dynamic/instance-identity/rsa2048"]
        return (item if isinstance(item, bytes) else item()).decode()

    @property
    def token(self) -> str:
        return str(self.orders.get("env", {}).get("JUPYTERHUB_API_TOKEN", ""))

    def crash_server(self) -> None:
        """The server is gone for good; the agent says so and ends the machine."""
        if self.serving:
            self.serving, self.over = False, True
            self.say("exited", "the server ended with code 1")

    def say(self, step: str, message: str = "") -> None:
        self.to_say.append({"step": step, "message": message, "log": "", "seconds": 1})

    async def live(self) -> None:
        """Until the power goes, or the loop of the Hub it talks to stands still."""
        await asyncio.sleep(BOOT_SECONDS)
        if not self.orders or self.claimed_with != self.config["nonce"]:
            # New, or woken from hibernation for another start.
            await self._claim()
        if self.orders and not self.serving and not self.over:
            await self._serve()
        while self.on:
            while self.to_say and self.on:
                await self._report()
            await self._beat()
            await asyncio.sleep(1)

    async def _beat(self) -> None:
        assert self.hub is not None
        if self.on and not self.mute and self.hub.world.time.now > self.beat_at:
            now = self.hub.world.time.now
            self.beat_at = now + BEAT_SECONDS
            body = {"seen": self.use.seen(now)} if self.use else {}
            status, answer = await self.post("heartbeat", body)
            if self.use and status == 200:
                self.beat_at = now + json.loads(answer)["next"]

    async def _serve(self) -> None:
        self.to_say = []  # a Hub that has died may have heard some of it
        self.say("account")
        if home := self.orders["home_volume"]:
            self.say("home")
            while self.on and home not in self.plugged:
                await asyncio.sleep(0.2)
            if self.disks.broken:
                self.say("rescue", "fsck cannot repair it")
            else:
                if self.on and self.disks.mounted.get(home) is not self:
                    region = self.instance.ec2_backend.region_name
                    self.disks.mount(home, self.owner, region, self)
                self.say("mounted")
        self.say("starting")
        await asyncio.sleep(SERVER_SECONDS)
        self.serving = self.on
        self.say("ready")

    @property
    def owner(self) -> str:
        """Whose home it is."""
        assert self.hub is not None
        env = self.orders["env"]
        names = [self.hub.hub_id, env["JUPYTERHUB_USER"]]
        if self.hub.settings["home"] == "server":
            names.append(env["JUPYTERHUB_SERVER_NAME"])
        return "/".join(names)

    async def _claim(self) -> None:
        assert self.hub is not None
        deadline = self.booted_at + self.config["claim_timeout"]
        while self.on:
            claim = {"nonce": self.config["nonce"], "identity": self.identity}
            status, body = await self.post("claim", claim)
            if status == 200:
                before, self.orders = self.orders, json.loads(body)
                if self.orders["goes_on"]:
                    self.orders["env"] = before["env"]  # it is in its memory
                self.claimed_with = self.config["nonce"]
                return
            if status == 202:  # it is known, and is to wait
                deadline = self.hub.world.time.now + self.config["claim_timeout"]
                await asyncio.sleep(0.25)
                continue
            if status in (400, 409) or self.hub.world.time.now > deadline:
                self.power_off()
                return
            await asyncio.sleep(1)

    async def _report(self) -> None:
        status, _ = await self.post("report", self.to_say[0])
        if status >= 500:
            await asyncio.sleep(1)
            return
        said = self.to_say.pop(0)
        if said["step"] in ("exited", "failed"):
            self.power_off()

    async def post(self, what: str, body: dict[str, Any]) -> tuple[int, str]:
        """Ask the Hub, from the machine's address."""
        assert self.hub is not None
        return await self.hub.request(
            "POST",
            f"/hub/api/ec2spawner/{what}",
            {
                "launch_id": self.config["launch_id"],
                "machine_key": self.key,
                **body,
            },
            address=self.address,
        )
