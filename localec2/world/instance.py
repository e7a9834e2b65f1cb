"""An instance: moto's, with the states and the truth it lacks."""

from __future__ import annotations

import base64
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import moto.ec2.models.instances as mi

from ..machines.base import Machine
from ..machines.console import ConsoleEnd

#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html
CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}


@dataclass(frozen=True)
class PastState:
    """What an instance showed from a moment (`time.monotonic`) on."""

    at: float
    shown: tuple[Any, Any, str]
    launch_time: Any


class Life(Protocol):
    """What an instance needs of `lifecycle.Lifecycle`."""

    def root_size(self, instance: LocalInstance) -> int: ...

    def start(self, instance: LocalInstance) -> Any: ...

    def stop(self, instance: LocalInstance) -> Any: ...

    def terminate(self, instance: LocalInstance) -> Any: ...

    def reboot(self, instance: LocalInstance) -> None: ...


class LocalInstance(mi.Instance):  # type: ignore[misc]
    """moto's instance with AWS's states. It only holds data: `Lifecycle` acts."""

    # moto's metaclass reads the service's name from here.
    __module__ = "moto.ec2.models.instances"

    lifecycle_of: ClassVar[Life]
    nics: dict[int, Any]
    _subnet_id: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.born = time.monotonic()
        #: every state so far, for listings that are old
        self.history: list[PastState] = []
        #: grows with every change that outdates what was scheduled before
        self.epoch = 0
        #: grows with every power-on
        self.boots = 0
        #: held while the machine is switched on or off; taken before the world's lock
        self.power = threading.RLock()
        self.machine: Machine | None = None
        #: what it had written to its console when it was terminated
        self.last_console: ConsoleEnd | None = None
        #: what its disk begins with, as `MachineSpec` has it
        self.image_layers: tuple[Path, ...] = ()
        self.image_root: Path | None = None
        self.reservation_id = ""
        self.metadata_url = ""
        self.impaired = False
        #: what it does not reach and is not reached from, see `firewall.BLACKHOLES`
        self.blackhole = ""
        self.was_running = False
        #: it was launched for hibernation
        self.may_hibernate = False
        #: what was in its memory is kept, and goes on at the next start
        self.hibernated = False
        #: when it was switched on (`time.monotonic`)
        self.booted_at = 0.0
        #: (code, message) when this launch or start is scripted to die
        self.doom: tuple[str, str] | None = None
        #: of a spot request that outlives the instance
        self.spot_persistent = False
        self.spot_notice: dict[str, str] | None = None
        self.rebalance_notice: dict[str, str] | None = None
        self.put("pending")

    def __del__(self) -> None:
        """moto's frees addresses here, at a time nobody can tell."""

    def put(
        self, state: str, reason: tuple[str, str] | None = None, why: str = ""
    ) -> None:
        self._state = mi.InstanceState(state, CODES[state])
        self.state_reason = mi.StateReason(reason[1], reason[0]) if reason else None
        self._reason = why
        shown = (self._state, self.state_reason, why)
        self.history.append(PastState(time.monotonic(), shown, self.launch_time))

    @property
    def state_reason_code(self) -> str | None:
        return self.state_reason.code if self.state_reason else None

    # For filters, which compare text.
    @property
    def state_code_text(self) -> str:
        return str(self.state_code)

    @property
    def launch_index_text(self) -> str:
        return str(self.ami_launch_index)

    @property
    def nic_ids(self) -> list[str]:
        return [nic.id for nic in self.nics.values()]

    @property
    def volume_ids(self) -> list[str]:
        return [block.volume_id for block in self.block_device_mapping.values()]

    @property
    def raw_user_data(self) -> bytes | None:
        if not self.user_data:
            return None
        return base64.b64decode(str(self.user_data))

    # A terminated instance has no address and no name any more.
    @property
    def private_ip(self) -> str | None:
        return self.nics[0].private_ip_address if 0 in self.nics else None

    @property
    def private_ip_address(self) -> str | None:
        return self.private_ip

    @property
    def private_dns_name(self) -> str:
        return str(super().private_dns_name) if self.private_ip else ""

    @property
    def public_ip(self) -> str | None:
        return self.nics[0].public_ip if 0 in self.nics else None

    @property
    def public_ip_address(self) -> str | None:
        return self.public_ip

    @property
    def instance_status(self) -> dict[str, Any]:
        return self._checks(super().instance_status)

    @property
    def system_status(self) -> dict[str, Any]:
        return dict(super().system_status)

    @property
    def instance_check(self) -> str:
        return str(self.instance_status["Status"])

    @property
    def system_check(self) -> str:
        return str(self.system_status["Status"])

    def _checks(self, status: dict[str, Any]) -> dict[str, Any]:
        if self.impaired and self.state == "running":
            return {
                "Status": "impaired",
                "Details": [{"Name": "reachability", "Status": "failed"}],
            }
        return status

    def setup_defaults(self) -> None:
        """The root volume of a launch without block device mappings."""
        self.add_block_device(
            self.lifecycle_of.root_size(self),
            self.root_device_name,
            None,
            False,
            True,
            None,
            None,
        )

    # moto's fleets, spot requests and scaling groups call these.
    def start(self) -> Any:
        return self.lifecycle_of.start(self)

    def stop(self) -> Any:
        return self.lifecycle_of.stop(self)

    def terminate(self) -> Any:
        return self.lifecycle_of.terminate(self)

    def reboot(self) -> None:
        self.lifecycle_of.reboot(self)

    def release(self) -> None:
        """Give back volumes, network interfaces and addresses."""
        kept = [n for n in self.nics.values() if not n.delete_on_termination]
        super().terminate()
        for nic in kept:
            self.detach_eni(nic)
        self.nics.clear()
        self._subnet_id = None
