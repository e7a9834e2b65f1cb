"""The control API under ``/_local/``: what no EC2 has, for tests and the demo.

JSON in and out. `client.LocalControl` is its client.
"""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ..machines.base import Machine
from ..net.firewall import BLACKHOLES
from ..requests.faults import Fault
from ..requests.request import ApiRequest

if TYPE_CHECKING:
    from ..world.cloud import Cloud
    from ..world.instance import LocalInstance


class ControlApi:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def answer(self, request: ApiRequest) -> tuple[int, bytes]:
        """(HTTP status, JSON body)."""
        parts = request.path.strip("/").split("/")[1:]
        query = parse_qs(request.environ.get("QUERY_STRING", ""))
        try:
            data = json.loads(request.body or b"null")
            result = self._do(request.method, parts, data, query)
        except (LookupError, ValueError, TypeError) as error:
            return 400, json.dumps({"error": str(error)}).encode()
        return 200, json.dumps(result).encode()

    def _do(
        self, method: str, parts: list[str], data: Any, query: dict[str, list[str]]
    ) -> Any:
        cloud = self.cloud
        region = cloud.regions[query.get("region", [cloud.region])[0]]
        what = (method, *parts[:1])
        if what == ("GET", "info"):
            return cloud.info()
        if what == ("GET", "resources"):
            return region.resources.as_dict()
        if what == ("GET", "identity-certificate"):
            return region.signer.certificate()
        if what == ("GET", "settings"):
            return cloud.settings.as_dict()
        if what == ("PATCH", "settings"):
            with cloud.lock:
                settings = cloud.settings.changed(data)
                if settings.machines not in cloud.ground.kinds:
                    raise ValueError(
                        f"this local EC2 was started with other machines than "
                        f"{settings.machines!r}: start another"
                    )
                if settings.suite != cloud.settings.suite:
                    raise ValueError(
                        f"this local EC2 was started with {cloud.settings.suite!r}: "
                        f"start another for {settings.suite!r}"
                    )
                if settings.regions != cloud.settings.regions:
                    raise ValueError("regions cannot be changed: start another")
                cloud.outside.allow(settings)
                cloud.settings = settings
                if "throttle" in data:
                    cloud.buckets.reset()
                return cloud.settings.as_dict()
        if what == ("GET", "faults"):
            return cloud.faults.listing()
        if what == ("POST", "faults"):
            return cloud.faults.add(Fault.from_dict(data))
        if what == ("DELETE", "faults"):
            cloud.faults.clear(int(query["id"][0]) if "id" in query else None)
            return None
        if what == ("GET", "requests"):
            return cloud.log.since(int(query.get("since", ["0"])[0]))
        if what == ("DELETE", "requests"):
            cloud.log.clear()
            return None
        if what == ("GET", "machines"):
            with cloud.lock:
                found = cloud.all_instances()
            if len(parts) == 2:
                found = [each for each in found if each.id == parts[1]]
            return self._machines(found)
        if what == ("POST", "machines") and len(parts) == 3:
            return self._act(parts[1], parts[2], data or {})
        raise LookupError(f"no such control: {method} {'/'.join(parts)}")

    def _machines(self, instances: list[LocalInstance]) -> list[dict[str, Any]]:
        kinds: dict[type[Machine], list[Machine]] = {}
        for each in instances:
            if each.machine is not None and each.state != "terminated":
                kinds.setdefault(type(each.machine), []).append(each.machine)
        pids: dict[str, list[int]] = {}
        for kind, machines in kinds.items():
            pids.update(kind.pids_of(machines))
        return [self._machine(each, pids.get(each.id, [])) for each in instances]

    @staticmethod
    def _machine(instance: LocalInstance, pids: list[int]) -> dict[str, Any]:
        machine = instance.machine
        return {
            "instance_id": instance.id,
            "private_ip": instance.private_ip,
            "state": instance.state,
            "state_reason": instance.state_reason_code,
            "instance_type": instance.instance_type,
            "region": instance.ec2_backend.region_name,
            "zone": instance.availability_zone,
            "tags": {t["key"]: t["value"] for t in instance.get_tags()},
            "pids": pids,
            "folder": str(machine.spec.folder) if machine else None,
            "console_log": str(machine.console_log) if machine else None,
            "metadata_url": instance.metadata_url or None,
            "boots": instance.boots,
        }

    def _act(self, instance_id: str, action: str, data: dict[str, Any]) -> Any:
        instance = self.cloud.instance(instance_id)
        if instance is None:
            raise LookupError(f"no instance {instance_id}")
        if action == "blackhole":
            return self._blackhole(instance, str(data.get("to", "")))
        if action == "spot-notice":
            return self._spot_notice(instance, float(data.get("seconds", 120)))
        if action == "rebalance-notice":
            instance.rebalance_notice = {"noticeTime": _stamp(0)}
            return None
        if action == "fail":
            with self.cloud.lock:
                self.cloud.lifecycle.fail(instance, (data["code"], data["message"]))
            return None
        machine = instance.machine
        if machine is None:
            raise LookupError(f"{instance_id} has not been switched on yet")
        if action == "crash":
            machine.crash()
            instance.impaired = True
        elif action == "freeze":
            machine.freeze()
            instance.impaired = True
        elif action == "thaw":
            machine.thaw()
            instance.impaired = False
        elif action == "power-off":
            machine.power_off()
        else:
            raise LookupError(f"nothing called {action} can be done to a machine")
        return None

    def _blackhole(self, instance: LocalInstance, to: str) -> None:
        if to not in BLACKHOLES:
            raise ValueError(f"a blackhole is one of {BLACKHOLES}, not {to!r}")
        if not self.cloud.network.enforces:
            raise ValueError(
                "a blackhole needs machines that boot: machines that are processes "
                "share this computer's network"
            )
        with self.cloud.lock:
            instance.blackhole = to
            self.cloud.network_changed()

    def _spot_notice(self, instance: LocalInstance, seconds: float) -> None:
        instance.spot_notice = {"action": "terminate", "time": _stamp(seconds)}
        self.cloud.clock.later(seconds, self._take_back, instance)

    def _take_back(self, instance: LocalInstance) -> None:
        with self.cloud.lock:
            self.cloud.lifecycle.interrupt(instance)


def _stamp(seconds: float) -> str:
    """The time so many seconds from now, as EC2 writes it."""
    at = datetime.datetime.now(datetime.timezone.utc)
    at += datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
