"""Client of a local EC2's control API. Standard library only."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from .requests.faults import Fault
from .requests.request_log import LoggedRequest
from .resources import Resources


@dataclass(frozen=True)
class MachineInfo:
    """One instance and the machine behind it."""

    instance_id: str
    private_ip: str | None
    state: str
    state_reason: str | None
    instance_type: str
    region: str
    zone: str
    tags: dict[str, str]
    pids: list[int]
    folder: str | None
    console_log: str | None
    metadata_url: str | None
    #: how often it was switched on
    boots: int


class ControlError(Exception):
    """The control API refused; the message says why."""


class LocalControl:
    """Faults, settings, machines and the request log of one local EC2."""

    def __init__(self, endpoint_url: str, timeout: float = 30.0) -> None:
        self.endpoint_url = endpoint_url.rstrip("/")
        self.timeout = timeout
        # A proxy configured in the environment is not for loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def info(self) -> dict[str, Any]:
        """endpoint_url, region, pid, cloud_id, vpc_cidr, folder."""
        return dict(self._call("GET", "info"))

    def resources(self, region: str = "") -> Resources:
        """What is there from the start: network, images, a parameter.

        :param region: which Region's; empty for the one it is at home in
        """
        asked = f"?region={region}" if region else ""
        return Resources(**self._call("GET", f"resources{asked}"))

    def identity_certificate(self, region: str = "") -> str:
        """What identity documents are checked with, PEM.

        :param region: of machines in it; empty for the one it is at home in
        """
        asked = f"?region={region}" if region else ""
        return str(self._call("GET", f"identity-certificate{asked}"))

    def settings(self) -> dict[str, Any]:
        return dict(self._call("GET", "settings"))

    def change_settings(self, **changes: Any) -> dict[str, Any]:
        """Change fields of `LocalSettings` while it runs; returns all of them."""
        return dict(self._call("PATCH", "settings", changes))

    def set_capacity(self, capacity: dict[str, int]) -> None:
        """Room for machines, see `LocalSettings.capacity`; {} for no limit."""
        self.change_settings(capacity=capacity)

    def add_fault(self, fault: Fault) -> int:
        """Put a fault in force; returns its id."""
        return int(self._call("POST", "faults", fault.as_dict()))

    def clear_faults(self, fault_id: int | None = None) -> None:
        """Remove one fault, or all."""
        self._call("DELETE", "faults" + (f"?id={fault_id}" if fault_id else ""))

    def faults(self) -> list[dict[str, Any]]:
        return list(self._call("GET", "faults"))

    def requests(
        self, action: str | None = None, since: int = 0
    ) -> list[LoggedRequest]:
        """Every request so far, oldest first; after number ``since``."""
        found = [
            LoggedRequest(**entry)
            for entry in self._call("GET", f"requests?since={since}")
        ]
        return [entry for entry in found if action in (None, entry.action)]

    def requests_text(self) -> str:
        """Everything the API was sent, user-data decoded: to search for secrets."""
        return json.dumps(self._call("GET", "requests"), ensure_ascii=False)

    def clear_requests(self) -> None:
        self._call("DELETE", "requests")

    def machines(self, state: str | None = None) -> list[MachineInfo]:
        """All instances that are still listed, or those in one state."""
        found = [MachineInfo(**entry) for entry in self._call("GET", "machines")]
        return [each for each in found if state in (None, each.state)]

    def machine(self, instance_id: str) -> MachineInfo:
        for entry in self._call("GET", f"machines/{instance_id}"):
            return MachineInfo(**entry)
        raise ControlError(f"no instance {instance_id}")

    def wait_for_state(
        self, instance_id: str, state: str, timeout: float = 30.0
    ) -> MachineInfo:
        end = time.monotonic() + timeout
        while True:
            machine = self.machine(instance_id)
            if machine.state == state:
                return machine
            if time.monotonic() > end:
                raise TimeoutError(f"{instance_id} is {machine.state}, not {state}")
            time.sleep(0.05)

    def crash(self, instance_id: str) -> None:
        """Everything on the machine dies at once; EC2 still says ``running``."""
        self._act(instance_id, "crash")

    def freeze(self, instance_id: str) -> None:
        """Everything on the machine stands still."""
        self._act(instance_id, "freeze")

    def thaw(self, instance_id: str) -> None:
        self._act(instance_id, "thaw")

    def guest_shutdown(self, instance_id: str) -> None:
        """As if somebody on the machine had typed ``poweroff``."""
        self._act(instance_id, "power-off")

    def blackhole(self, instance_id: str, to: str = "everything") -> None:
        """Lose all packets between a machine and ``"hub"`` or ``"everything"``, open
        connections too. DHCP and the metadata service stay. Machines that boot only.
        """
        self._act(instance_id, "blackhole", {"to": to})

    def lift_blackhole(self, instance_id: str) -> None:
        self._act(instance_id, "blackhole", {"to": ""})

    def spot_notice(self, instance_id: str, seconds: float = 120.0) -> None:
        """Announce a spot interruption on the machine, and take it in ``seconds``."""
        self._act(instance_id, "spot-notice", {"seconds": seconds})

    def rebalance_notice(self, instance_id: str) -> None:
        """Recommend on the machine to leave it; whether it is taken is not said."""
        self._act(instance_id, "rebalance-notice")

    def fail_machine(self, instance_id: str, code: str, message: str) -> None:
        """EC2 loses the machine: terminated with this StateReason."""
        self._act(instance_id, "fail", {"code": code, "message": message})

    def _act(
        self, instance_id: str, action: str, data: dict[str, Any] | None = None
    ) -> None:
        self._call("POST", f"machines/{instance_id}/{action}", data)

    def _call(self, method: str, path: str, data: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.endpoint_url}/_local/{path}",
            method=method,
            data=None if data is None else json.dumps(data).encode(),
            headers={
                "X-EC2Spawner-Local": "1",
                "Content-Type": "application/json",
            },
        )
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            try:
                text = json.loads(text)["error"]
            except (ValueError, KeyError, TypeError):
                pass
            raise ControlError(f"{method} {path}: {text}") from None
