"""Actions that are answered here, because moto's answer is not AWS's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol
from xml.sax.saxutils import escape

from moto.core.types import Base64EncodedString
from moto.ec2.models.instance_types import INSTANCE_TYPES

from ..errors import AwsError, request_id
from ..machines.console import read_end
from ..requests.request import ApiRequest
from ..settings import LocalSettings
from ..world.describe import check_ids
from ..world.hibernation import check_stop
from ..world.instance import LocalInstance
from ..world.lifecycle import Lifecycle
from .console import console_output
from .launch_rules import check_architecture, check_shutdown_behavior, check_user_data


class World(Protocol):
    settings: LocalSettings
    lifecycle: Lifecycle
    backend: Any

    def instances(self, ids: list[str]) -> list[LocalInstance]: ...

    def group(self, group_id: str) -> Any: ...


def xml(action: str, inside: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>{request_id()}</requestId>{inside}</{action}Response>"
    ).encode()


def done(action: str) -> bytes:
    return xml(action, "<return>true</return>")


def _named(request: ApiRequest, world: World) -> list[LocalInstance]:
    ids = request.numbered("InstanceId")
    if not ids:
        raise AwsError(
            "MissingParameter", "The request must contain the parameter InstanceId"
        )
    check_ids(ids)
    return world.instances(list(dict.fromkeys(ids)))


def _changes(action: str, changed: Iterable[tuple[LocalInstance, Any]]) -> bytes:
    items = "".join(
        f"<item><instanceId>{instance.id}</instanceId>"
        f"<currentState><code>{instance.state_code}</code>"
        f"<name>{instance.state}</name></currentState>"
        f"<previousState><code>{before.code}</code>"
        f"<name>{before.name}</name></previousState></item>"
        for instance, before in changed
    )
    return xml(action, f"<instancesSet>{items}</instancesSet>")


def start_instances(request: ApiRequest, world: World) -> bytes:
    found = _named(request, world)
    for instance in found:
        # All or nothing: look at each before the first is started.
        world.lifecycle.check_start(instance)
    return _changes("StartInstances", [(i, world.lifecycle.start(i)) for i in found])


def stop_instances(request: ApiRequest, world: World) -> bytes:
    found = _named(request, world)
    hibernate = request.flag("Hibernate")
    for instance in found:
        if instance.disable_api_stop:
            raise AwsError(
                "OperationNotPermitted",
                f"The instance '{instance.id}' may not be stopped. Modify its "
                "'disableApiStop' instance attribute and try again.",
            )
        world.lifecycle.check_stop(instance)
        if hibernate:
            check_stop(instance, world.settings.hibernation_ready_seconds)
    force = request.flag("Force") or request.flag("SkipOsShutdown")
    return _changes(
        "StopInstances",
        [(i, world.lifecycle.stop(i, force, hibernate)) for i in found],
    )


def terminate_instances(request: ApiRequest, world: World) -> bytes:
    found = _named(request, world)
    for instance in found:
        if instance.disable_api_termination:
            raise AwsError(
                "OperationNotPermitted",
                f"The instance '{instance.id}' may not be terminated. Modify its "
                "'disableApiTermination' instance attribute and try again.",
            )
    return _changes(
        "TerminateInstances", [(i, world.lifecycle.terminate(i)) for i in found]
    )


def reboot_instances(request: ApiRequest, world: World) -> bytes:
    found = _named(request, world)
    for instance in found:
        world.lifecycle.reboot(instance)
    return done("RebootInstances")


def get_console_output(request: ApiRequest, world: World) -> bytes:
    instance_id = request.get("InstanceId") or ""
    check_ids([instance_id])
    instance = world.instances([instance_id])[0]
    if request.flag("Latest") and not _is_nitro(instance.instance_type):
        raise AwsError(
            "UnsupportedOperation",
            "This instance type does not support retrieving the latest console logs.",
        )
    output, at = None, ""
    if instance.machine is not None:
        # What it wrote before its end is there as long as it is listed.
        end = instance.last_console or read_end(instance.machine.console_log)
        output, at = console_output(end, world.settings.console_delay_seconds)
    inside = f"<instanceId>{instance.id}</instanceId>"
    if at:
        inside += f"<timestamp>{at}</timestamp>"
    if output is not None:
        inside += f"<output>{escape(output)}</output>"
    return xml("GetConsoleOutput", inside)


def _is_nitro(instance_type: str) -> bool:
    return bool(INSTANCE_TYPES[instance_type].get("Hypervisor") == "nitro")


def modify_instance_attribute(request: ApiRequest, world: World) -> bytes | None:
    """The attributes that moto stores wrongly or without AWS's checks."""
    instance_id = request.get("InstanceId") or ""
    check_ids([instance_id])
    instance = world.instances([instance_id])[0]
    name, value = _attribute(request)
    if name == "UserData":
        check_user_data(request)
        _only_stopped(instance)
        instance.user_data = Base64EncodedString(value) if value else None
    elif name == "InstanceType":
        if value not in INSTANCE_TYPES:
            raise AwsError(
                "InvalidInstanceAttributeValue",
                f"The instance type '{value}' does not exist",
            )
        check_architecture(value, instance.architecture)
        _only_stopped(instance)
        instance.instance_type = value
    elif "GroupId.1" in request.params:
        groups = [world.group(each) for each in request.numbered("GroupId")]
        # moto keeps the old ones of the interface, too.
        instance.security_groups = groups
        instance.nics[0]._group_set = list(groups)
    elif name == "InstanceInitiatedShutdownBehavior":
        check_shutdown_behavior(value)
        instance.instance_initiated_shutdown_behavior = value
    else:
        return None
    return done("ModifyInstanceAttribute")


def modify_network_interface_attribute(
    request: ApiRequest, world: World
) -> bytes | None:
    """Its groups, which moto adds to those of the instance."""
    groups = [world.group(each) for each in request.numbered("SecurityGroupId")]
    if not groups:
        return None
    nic = world.backend.get_network_interface(request.get("NetworkInterfaceId") or "")
    nic._group_set = list(groups)
    if nic.instance is not None and nic.device_index == 0:
        nic.instance.security_groups = groups
    return done("ModifyNetworkInterfaceAttribute")


def _attribute(request: ApiRequest) -> tuple[str, str]:
    for name in ("UserData", "InstanceType", "InstanceInitiatedShutdownBehavior"):
        if f"{name}.Value" in request.params:
            return name, request.params[f"{name}.Value"]
        if request.get("Attribute") == name[0].lower() + name[1:]:
            return name, request.params.get("Value", "")
    return "", ""


def _only_stopped(instance: LocalInstance) -> None:
    if instance.state != "stopped":
        raise AwsError(
            "IncorrectInstanceState",
            f"The instance '{instance.id}' is not in the 'stopped' state.",
        )


#: action -> its answer; None leaves the request to moto
ACTIONS: dict[str, Callable[[ApiRequest, Any], bytes | None]] = {
    "StartInstances": start_instances,
    "StopInstances": stop_instances,
    "TerminateInstances": terminate_instances,
    "RebootInstances": reboot_instances,
    "GetConsoleOutput": get_console_output,
    "ModifyInstanceAttribute": modify_instance_attribute,
    "ModifyNetworkInterfaceAttribute": modify_network_interface_attribute,
}
