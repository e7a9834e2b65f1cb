"""The work behind a request: AWS's rules first, then moto."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.model import OperationNotFoundError
from moto.ec2.exceptions import FilterNotImplementedError
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)

from ..errors import AwsError
from ..requests.faults import Fault
from ..requests.request import ApiRequest
from ..requests.request_log import LoggedRequest
from ..world import moto_patches as patches
from ..world.capacity import no_capacity, no_spot_capacity
from ..world.describe import check_ids, check_status_filters
from . import image_actions, in_use, pricing, tag_rules, volume_actions, volume_rules
from .account import (
    account_plan,
    check_plan,
    check_rights,
    check_terms,
    plan_state,
    service_quota,
)
from .instance_actions import ACTIONS
from .launch_rules import Launch, check_launch

if TYPE_CHECKING:
    from ..world.cloud import Cloud
    from ..world.region import Region

log = logging.getLogger(__name__)

#: they read only what never changes, and take long: not under the world's lock
_UNLOCKED = (
    "DescribeInstanceTypes",
    "DescribeInstanceTypeOfferings",
    "DescribeRegions",
)
#: so many of their answers are kept
_REMEMBERED = 200

_OWN = {
    **ACTIONS,
    **volume_actions.ACTIONS,
    **image_actions.ACTIONS,
    **pricing.ACTIONS,
}

_INSTANCE_ID = re.compile(rb"<instanceId>(i-[0-9a-f]+)</instanceId>")


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes


class Ec2Api:
    """Answers requests of every service; EC2's with the overlay."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._moto = DomainDispatcherApplication(create_backend_app)
        #: (region, parameters) -> what never changes
        self._unchanging: dict[tuple[Any, ...], Answer] = {}

    def answer(self, request: ApiRequest, fault: Fault, entry: LoggedRequest) -> Answer:
        if request.service == "pricing":
            return Answer(200, "application/x-amz-json-1.1", pricing.answer(request))
        if request.service == "servicequotas":
            found = service_quota(request, self.cloud.settings)
            return Answer(200, "application/x-amz-json-1.1", found)
        if request.service == "freetier":
            self.cloud.settings = account_plan(request, self.cloud.settings)
            found = plan_state(self.cloud.settings)
            return Answer(200, "application/x-amz-json-1.0", found)
        if request.action == "CreateServiceLinkedRole":
            patches.name_spot_role()
        if not request.is_ec2:
            return self._ask_moto(request)
        region = self.cloud.regions.get(request.region)
        if region is None:
            raise AwsError(
                "AuthFailure",
                "Credential should be scoped to a valid region: this local EC2 is "
                f"{', '.join(self.cloud.regions)}, not {request.region}.",
                401,
            )
        check_rights(request, self.cloud.settings, region.backend)
        if request.action in _UNLOCKED:
            return self._unchanged(request)
        with self.cloud.lock:
            # RunInstances works on what nobody can see yet.
            patches.view.client = request.action != "RunInstances"
            try:
                return self._ec2(request, region, fault, entry)
            finally:
                patches.view.client = False
                if not request.action.startswith(("Describe", "Get")):
                    self.cloud.network_changed()

    def _ec2(
        self, request: ApiRequest, region: Region, fault: Fault, entry: LoggedRequest
    ) -> Answer:
        self.cloud.scripted = fault
        self.cloud.launching = None
        own = _OWN.get(request.action)
        if own is not None:
            body = own(request, region)
            if body is not None:
                return Answer(200, "text/xml;charset=UTF-8", body)
        if request.action == "RunInstances":
            return self._run_instances(request, region, entry)
        if request.action == "CreateVolume":
            volume_rules.check_create(request, region.backend)
            zone = request.get("AvailabilityZone") or ""
            token = request.get("ClientToken") or ""
            answer = self._once(request, region, token, zone)
            return _doomed(answer, b"volumeId", region, fault)
        if request.action == "AttachVolume":
            return self._attach_volume(request, region)
        if request.action == "ModifyVolume":
            volume_rules.check_modify(request, region.backend)
        elif request.action == "CreateSnapshot":
            volume_rules.check_snapshot(request, region.backend)
            return _doomed(self._ask_moto(request), b"snapshotId", region, fault)
        elif request.action == "CreateTags":
            _check_create_tags(request, region)
        elif request.action == "DeleteNetworkInterface":
            in_use.check_delete_interface(request, region.backend)
        elif request.action == "ReleaseAddress":
            in_use.check_release_address(request, region.backend)
        elif request.action == "DescribeInstanceStatus":
            check_status_filters([f["Name"] for f in request.groups("Filter")])
        elif request.action == "DeleteSecurityGroup":
            _check_delete_group(request, region)
        return self._ask_moto(request)

    def _attach_volume(self, request: ApiRequest, region: Region) -> Answer:
        (instance,) = region.instances([request.get("InstanceId") or ""])
        volume_rules.check_attach(request, region.backend, instance)
        answer = self._ask_moto(request)
        if answer.status == 200:
            volume = region.backend.volumes[request.get("VolumeId")]
            region.volume_life.attached(volume)
        return answer

    def _run_instances(
        self, request: ApiRequest, region: Region, entry: LoggedRequest
    ) -> Answer:
        asked = dict(request.params)
        cloud = self.cloud
        launch = check_launch(request, region.backend, region.pool_of)
        check_plan(launch.instance_type, cloud.settings)
        check_terms(request.get("ImageId"), cloud.settings)
        if launch.token:
            known = region.tokens.recall(
                "RunInstances", launch.token, launch.zone or "", asked
            )
            if known is not None:
                _check_alive(region, known.instance_ids)
                entry.instance_ids = known.instance_ids
                return Answer(200, known.content_type, known.body)
        zone, count = _place(region, launch)
        changes = {"MinCount": str(count), "MaxCount": str(count)}
        if launch.subnet is None:
            name = "SubnetId"
            if request.groups("NetworkInterface"):
                name = "NetworkInterface.1.SubnetId"
            changes[name] = region.resources.subnet_ids[zone]
        request.rewrite(changes)
        cloud.launching = request
        answer = self._ask_moto(request)
        if answer.status == 200:
            entry.instance_ids = _ids(answer.body)
            if launch.token:
                region.tokens.remember(
                    "RunInstances",
                    launch.token,
                    launch.zone or "",
                    asked,
                    answer.content_type,
                    answer.body,
                    entry.instance_ids,
                )
        return answer

    def _once(
        self, request: ApiRequest, region: Region, token: str, zone: str
    ) -> Answer:
        asked = dict(request.params)
        if token:
            known = region.tokens.recall(request.action, token, zone, asked)
            if known is not None:
                return Answer(200, known.content_type, known.body)
        answer = self._ask_moto(request)
        if token and answer.status == 200:
            region.tokens.remember(
                request.action, token, zone, asked, answer.content_type, answer.body, []
            )
        return answer

    def _unchanged(self, request: ApiRequest) -> Answer:
        """What moto has answered to the same question, or answers now."""
        asked = request.region, *sorted(request.params.items())
        if (answer := self._unchanging.get(asked)) is None:
            answer = self._ask_moto(request)
            if answer.status == 200:
                if len(self._unchanging) >= _REMEMBERED:
                    self._unchanging.clear()
                self._unchanging[asked] = answer
        return answer

    def _ask_moto(self, request: ApiRequest) -> Answer:
        result: dict[str, Any] = {}

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            result["status"] = int(status.split()[0])
            result["headers"] = {name.lower(): value for name, value in headers}
            return lambda data: None

        try:
            body = b"".join(self._moto(request.rewind(), start_response))
        except AwsError:
            raise
        except OperationNotFoundError:
            raise _invalid_action(request) from None
        except FilterNotImplementedError as error:
            name = re.search(r"'([^']*)'", str(error))
            raise AwsError(
                "InvalidParameterValue",
                f"The filter '{name.group(1) if name else ''}' is invalid",
            ) from None
        except NotImplementedError as error:
            if "action has not been implemented" in str(error):
                raise _invalid_action(request) from None
            filter_name = re.search(r"[Ff]ilter.*'([^']+)'", str(error))
            if filter_name:
                raise AwsError(
                    "InvalidParameterValue",
                    f"The filter '{filter_name.group(1)}' is invalid",
                ) from None
            raise AwsError("UnsupportedOperation", str(error)) from None
        except Exception as error:
            if not request.is_ec2:
                # What moto does not know, it stumbles over.
                log.warning("%s: %s: %r", request.service, request.action, error)
                raise _unknown_service(request) from error
            log.exception("%s failed inside moto", request.action)
            raise AwsError(
                "InternalError", f"An internal error has occurred ({error!r})", 500
            ) from error
        kind = result["headers"].get("content-type", "text/xml")
        if result["status"] >= 400 and kind.startswith("text/html"):
            raise _invalid_action(request)
        return Answer(result["status"], kind, body)


def _doomed(answer: Answer, name: bytes, region: Region, fault: Fault) -> Answer:
    """What EC2 accepts and cannot make, as when a key is closed to it."""
    found = re.search(rb"<%b>([^<]+)<" % name, answer.body)
    if fault.state_reason and found:
        backend = region.backend
        disks = {**backend.volumes, **backend.snapshots}
        disks[found[1].decode()].doomed = True
    return answer


def _place(region: Region, launch: Launch) -> tuple[str, int]:
    """(zone, how many), as many as there is room and quota for."""
    zones = [launch.zone] if launch.zone else list(region.resources.zones)
    kind = launch.instance_type
    allowed = region.quota_left(launch.market, kind, launch.min_count)
    for zone in zones:
        left = region.room(launch.market, kind, zone)
        count = min(
            launch.max_count,
            allowed,
            launch.max_count if left is None else left,
        )
        if count >= launch.min_count:
            return zone, count
    if launch.market == "spot":
        raise no_spot_capacity()
    others = [
        zone
        for zone in region.resources.zones
        if zone not in zones and region.room(launch.market, kind, zone) != 0
    ]
    raise no_capacity(kind, zones[0], others)


def _check_alive(region: Region, instance_ids: list[str]) -> None:
    states = region.states(instance_ids)
    if all(state in (None, "terminated", "shutting-down") for state in states):
        raise AwsError(
            "IdempotentInstanceTerminated",
            "The client token you have provided is associated with a terminated "
            "instance. Please use a different client token.",
        )


def _check_create_tags(request: ApiRequest, region: Region) -> None:
    tags = [(t.get("Key", ""), t.get("Value", "")) for t in request.groups("Tag")]
    tag_rules.check_tags(tags)
    ids = [i for i in request.numbered("ResourceId") if i.startswith("i-")]
    check_ids(ids)
    region.instances(ids)


def _check_delete_group(request: ApiRequest, region: Region) -> None:
    group_id = request.get("GroupId")
    for nic in region.backend.enis.values():
        if any(group.id == group_id for group in nic.group_set):
            raise AwsError(
                "DependencyViolation",
                f"resource {group_id} has a dependent object",
            )


def _invalid_action(request: ApiRequest) -> AwsError:
    return AwsError(
        "InvalidAction",
        f"The action {request.action} is not valid for this web service.",
    )


def _unknown_service(request: ApiRequest) -> AwsError:
    return AwsError(
        "InvalidAction",
        f"This local EC2 has no {request.service or 'such service'}, or not the "
        f"action {request.action or request.path} of it.",
    )


def _ids(body: bytes) -> list[str]:
    return list(dict.fromkeys(i.decode() for i in _INSTANCE_ID.findall(body)))
