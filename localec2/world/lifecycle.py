"""The state machine of an instance, and the machine behind it.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
"""

from __future__ import annotations

import copy
import datetime
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from ..errors import AwsError
from ..machines.base import Ending, Machine, VolumeSpec
from ..machines.console import read_end
from ..metadata.identity_document import Signer
from ..metadata.service import MetadataService
from ..settings import LocalSettings
from .clock import Clock
from .instance import LocalInstance
from .metadata_view import metadata_view

log = logging.getLogger(__name__)

USER = (
    "Client.UserInitiatedShutdown",
    "Client.UserInitiatedShutdown: User initiated shutdown",
)
HIBERNATE = (
    "Client.UserInitiatedHibernate",
    "Client.UserInitiatedHibernate: User initiated hibernate",
)
GUEST = (
    "Client.InstanceInitiatedShutdown",
    "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
)
SPOT = (
    "Server.SpotInstanceTermination",
    "Server.SpotInstanceTermination: Spot instance termination",
)
INTERNAL = (
    "Server.InternalError",
    "Server.InternalError: Internal error on launch",
)


class World(Protocol):
    """What the state machine needs of the cloud."""

    settings: LocalSettings
    lock: threading.RLock
    clock: Clock
    metadata: MetadataService

    def signer_of(self, instance: LocalInstance) -> Signer: ...

    def machine_for(
        self, instance: LocalInstance, ended: Callable[[Ending], None]
    ) -> Machine: ...

    def forget(self, instance: LocalInstance) -> None: ...

    def untag(self, instance: LocalInstance) -> None: ...

    def volumes_of(self, instance: LocalInstance) -> tuple[VolumeSpec, ...]: ...

    def network_changed(self) -> None: ...

    def check_start(self, instance: LocalInstance) -> None: ...


class Lifecycle:
    """All changes of state. Public calls are made under the world's lock."""

    def __init__(self, world: World) -> None:
        self.world = world

    def root_size(self, instance: LocalInstance) -> int:
        images = instance.ec2_backend.describe_images(
            filters={"image-id": [instance.image_id]}
        )
        return int(images[0].ebs_snapshot.volume_size) if images else 8

    def launched(self, instance: LocalInstance) -> None:
        """RunInstances has made this instance and everything of it."""
        self._later(instance, self.world.settings.pending_seconds, self._boot)

    def start(self, instance: LocalInstance) -> Any:
        before = copy.copy(instance._state)
        if instance.state in ("running", "pending"):
            return before
        self.check_start(instance)
        self.world.check_start(instance)
        for nic in instance.nics.values():
            nic.start()
        instance.spot_notice = instance.rebalance_notice = None
        instance.put("pending")
        instance.launch_time = datetime.datetime.now(datetime.timezone.utc).replace(
            tzinfo=None
        )
        self._later(instance, self.world.settings.pending_seconds, self._boot)
        return before

    def stop(
        self, instance: LocalInstance, force: bool = False, hibernate: bool = False
    ) -> Any:
        before = copy.copy(instance._state)
        if instance.state in ("stopped", "stopping"):
            return before
        self.check_stop(instance)
        reason = HIBERNATE if hibernate else USER
        self._begin_stop(instance, reason, _user_initiated(), force)
        return before

    def check_stop(self, instance: LocalInstance) -> None:
        """Raise when it cannot be stopped, or not from here."""
        if instance.lifecycle == "spot" and not instance.spot_persistent:
            raise AwsError(
                "UnsupportedOperation",
                f"You can't stop the Spot Instance '{instance.id}' because it is "
                "associated with a one-time Spot Instance request. You can only stop "
                "Spot Instances associated with persistent Spot Instance requests.",
            )
        if instance.state == "pending" and not instance.was_running:
            raise AwsError(
                "IncorrectInstanceState",
                f"Instance '{instance.id}' cannot be stopped as it has never reached "
                "the 'running' state.",
            )
        if instance.state not in ("running", "pending", "stopping", "stopped"):
            raise _wrong_state(instance, "stopped")

    def check_start(self, instance: LocalInstance) -> None:
        if instance.state not in ("stopped", "running", "pending"):
            raise _wrong_state(instance, "started")

    def terminate(self, instance: LocalInstance) -> Any:
        before = copy.copy(instance._state)
        if instance.state not in ("terminated", "shutting-down"):
            self._begin_terminate(instance, USER, _user_initiated())
        return before

    def reboot(self, instance: LocalInstance) -> None:
        if instance.state not in ("running", "pending"):
            raise _wrong_state(instance, "rebooted")
        if instance.state == "running":
            self.world.clock.later(0, self._reboot, instance, instance.boots)

    def interrupt(self, instance: LocalInstance) -> None:
        """EC2 takes a spot machine back."""
        if instance.state in ("pending", "running"):
            why = f"Server.SpotInstanceTermination ({_now()})"
            self._begin_terminate(instance, SPOT, why)

    def fail(self, instance: LocalInstance, reason: tuple[str, str]) -> None:
        """EC2 gives up on a machine: a dead host."""
        if instance.state in ("pending", "running"):
            self._begin_terminate(instance, reason, "")

    # ---- below: on the clock's workers, or already under the lock

    def _later(
        self,
        instance: LocalInstance,
        seconds: float,
        call: Callable[[LocalInstance, int], None],
    ) -> None:
        instance.epoch += 1
        self.world.clock.later(seconds, call, instance, instance.epoch)

    def _begin_stop(
        self,
        instance: LocalInstance,
        reason: tuple[str, str],
        why: str,
        force: bool = False,
    ) -> None:
        instance.put("stopping", reason, why)
        instance.epoch += 1
        grace = 0.0 if force else self.world.settings.stop_grace_seconds
        self.world.clock.later(
            0, self._power_down, instance, instance.epoch, grace, reason, why
        )

    def _begin_terminate(
        self, instance: LocalInstance, reason: tuple[str, str], why: str
    ) -> None:
        instance.put("shutting-down", reason, why)
        instance.epoch += 1
        self.world.clock.later(0, self._destroy, instance, instance.epoch, reason, why)

    def _boot(self, instance: LocalInstance, epoch: int) -> None:
        with instance.power:
            with self.world.lock:
                if instance.epoch != epoch:
                    return
                doom, instance.doom = instance.doom, None
                resumes = instance.hibernated
                if doom is None and not resumes:
                    instance.boots += 1
                boots = instance.boots
            if doom is None:
                try:
                    if resumes:
                        self._resume(instance)
                    else:
                        self._switch_on(instance, boots)
                except Exception:
                    log.exception("machine %s does not boot", instance.id)
                    doom = INTERNAL
            with self.world.lock:
                if instance.epoch != epoch:
                    return  # terminated meanwhile; that call cleans up
                if doom is None:
                    instance.impaired = False
                    instance.was_running = True
                    instance.put("running")
                elif instance.was_running:
                    self._begin_stop(instance, doom, "")
                else:
                    self._begin_terminate(instance, doom, "")

    def _resume(self, instance: LocalInstance) -> None:
        """Wake a machine that hibernates, with what was plugged in meanwhile."""
        with self.world.lock:
            instance.hibernated = False
            self.world.network_changed()
        machine = instance.machine
        assert machine is not None
        machine.resume()
        for volume in self.world.volumes_of(instance):
            machine.attach(volume)

    def _switch_on(self, instance: LocalInstance, boots: int) -> None:
        if instance.machine is None:
            instance.metadata_url = self.world.metadata.open(
                instance.id,
                str(instance.private_ip),
                lambda: metadata_view(instance, self.world.signer_of(instance)),
            )
        instance.machine = self.world.machine_for(
            instance, lambda ending: self._ended(instance, boots, ending)
        )
        instance.machine.start()
        instance.booted_at = time.monotonic()

    def _ended(self, instance: LocalInstance, boots: int, ending: Ending) -> None:
        """The machine ended by itself."""
        with instance.power, self.world.lock:
            if instance.boots != boots or instance.state != "running":
                return
            if ending is Ending.REBOOT:
                self.world.clock.later(0, self._reboot, instance, boots)
            elif instance.instance_initiated_shutdown_behavior == "terminate":
                self._begin_terminate(instance, GUEST, "User initiated")
            else:
                # Without a time, as seen on machines that shut themselves down:
                # https://github.com/cloud-custodian/cloud-custodian/issues/6924
                self._begin_stop(instance, GUEST, "User initiated")

    def _reboot(self, instance: LocalInstance, boots: int) -> None:
        with instance.power:
            with self.world.lock:
                if instance.boots != boots or instance.state != "running":
                    return
                instance.boots += 1
                instance.impaired = False
                machine = instance.machine
            if machine is not None:
                machine.stop(self.world.settings.stop_grace_seconds)
                try:
                    self._switch_on(instance, boots + 1)
                except Exception:
                    log.exception("machine %s does not boot again", instance.id)
                    instance.impaired = True

    def at_rest(
        self,
        instance: LocalInstance,
        reboot: bool,
        work: Callable[[Machine | None], None],
    ) -> None:
        """Do some work while a machine is off, and switch it on again if it was on;
        as it runs when not ``reboot``. On the clock's workers.

        :raises AwsError: when the machine is being ended
        """
        with instance.power:
            with self.world.lock:
                if instance.state not in ("running", "stopped"):
                    raise _wrong_state(instance, "copied")
                machine = instance.machine
                again = reboot and instance.state == "running"
                if again:
                    instance.boots += 1
            if not again or machine is None:
                work(machine)
                return
            machine.stop(self.world.settings.stop_grace_seconds)
            try:
                work(machine)
            finally:
                self._switch_on(instance, instance.boots)

    def _power_down(
        self,
        instance: LocalInstance,
        epoch: int,
        grace: float,
        reason: tuple[str, str],
        why: str,
    ) -> None:
        began = time.monotonic()
        with instance.power:
            hibernate = reason is HIBERNATE
            hibernate = hibernate and not self.world.settings.hibernation_fails
            if instance.machine is not None and hibernate:
                self._hibernate(instance, instance.machine)
            elif instance.machine is not None and not instance.hibernated:
                instance.machine.stop(grace)
        left = self.world.settings.stopping_seconds - (time.monotonic() - began)
        self.world.clock.later(left, self._stopped, instance, epoch, reason, why)

    def _hibernate(self, instance: LocalInstance, machine: Machine) -> None:
        machine.hibernate()
        with self.world.lock:
            instance.hibernated = True
            self.world.network_changed()

    def _stopped(
        self, instance: LocalInstance, epoch: int, reason: tuple[str, str], why: str
    ) -> None:
        with self.world.lock:
            if instance.epoch != epoch:
                return
            for nic in instance.nics.values():
                nic.stop()
            instance.put("stopped", reason, why)

    def _destroy(
        self, instance: LocalInstance, epoch: int, reason: tuple[str, str], why: str
    ) -> None:
        began = time.monotonic()
        with instance.power:
            if instance.machine is not None:
                root = instance.block_device_mapping.get(instance.root_device_name)
                grace = self.world.settings.terminate_grace_seconds
                # What hibernates is not woken to be ended.
                instance.machine.stop(0.0 if instance.hibernated else grace)
                instance.last_console = read_end(instance.machine.console_log)
                instance.machine.destroy(
                    0.0,
                    keep_disk=root is not None and not root.delete_on_termination,
                )
            self.world.metadata.close(instance.id)
        left = self.world.settings.shutting_down_seconds - (time.monotonic() - began)
        self.world.clock.later(left, self._terminated, instance, epoch, reason, why)

    def _terminated(
        self, instance: LocalInstance, epoch: int, reason: tuple[str, str], why: str
    ) -> None:
        with self.world.lock:
            if instance.epoch != epoch:
                return
            instance.release()
            # Its address is anybody's now, its groups are not.
            self.world.network_changed()
            instance.put("terminated", reason, why)
            self.world.clock.later(
                self.world.settings.terminated_visible_seconds,
                self.world.forget,
                instance,
            )
            if (wait := self.world.settings.terminated_tags_seconds) is not None:
                self.world.clock.later(wait, self.world.untag, instance)


def _wrong_state(instance: LocalInstance, action: str) -> AwsError:
    return AwsError(
        "IncorrectInstanceState",
        f"The instance '{instance.id}' is not in a state from which it can be "
        f"{action}.",
    )


def _now() -> str:
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.strftime("%Y-%m-%d %H:%M:%S GMT")


def _user_initiated() -> str:
    return f"User initiated ({_now()})"
