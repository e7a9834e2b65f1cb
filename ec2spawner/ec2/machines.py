"""Machines as EC2 tells of them, and the calls that make and end them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..core.tags import (
    HUB_TAG,
    KEEP_TAG,
    LAUNCH_TAG,
    LEASE_TAG,
    OWNER_TAG,
    SERVER_TAG,
    read_lease,
)
from .clients import Lane, NotSent
from .errors import EC2Error
from .tags import from_pairs

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceStateChangeTypeDef, InstanceTypeDef

GOING = frozenset({"shutting-down", "terminated"})
# EC2 API reference, StateReason.
HIBERNATED = "Client.UserInitiatedHibernate"
STOPPED_STATES = frozenset({"stopping", "stopped"})

# The API's limit for a page (DescribeInstances, MaxResults).
_PAGE = 1000


@dataclass(frozen=True)
class Machine:
    """An EC2 instance of ours. ``state`` is EC2's word: pending, running, ..."""

    id: str
    state: str
    private_ip: str = ""
    zone: str = ""
    instance_type: str = ""
    image_id: str = ""
    hub_id: str = ""
    server_id: str = ""
    owner_id: str = ""
    launch_id: str = ""
    client_token: str = ""
    market: str = "on-demand"
    launched_at: float = 0.0  # seconds since the epoch, by EC2's clock
    kept: bool = False
    reason_code: str = ""
    reason_message: str = ""
    #: until when it may live without a Hub, seconds since the epoch; 0 without a tag
    lease_until: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    #: the ids of its volumes by the names of their devices, as far as EC2 shows them
    volumes: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def spared(self) -> bool:
        """No sweep may end it, whatever the database says."""
        return self.kept

    @property
    def gone(self) -> bool:
        """It has ended or is certain to."""
        return self.state in GOING

    @property
    def over(self) -> bool:
        """It serves nobody any more, though a stopped one still exists."""
        return self.gone or self.state in STOPPED_STATES

    @property
    def hibernated(self) -> bool:
        """What it had in memory may be kept: mounted file systems, too.

        It was asked for. Whether the machine managed it, only its next start tells.
        """
        return self.state in STOPPED_STATES and self.reason_code == HIBERNATED

    @property
    def why(self) -> str:
        """EC2's reason for its state, in its own words."""
        return self.reason_message or self.reason_code or "EC2 gave no reason"


def read_machine(instance: InstanceTypeDef) -> Machine:
    """Read one instance of a DescribeInstances or RunInstances answer."""
    tags = from_pairs(instance.get("Tags", []))
    reason = instance.get("StateReason", {})
    launched = instance.get("LaunchTime")
    return Machine(
        id=instance["InstanceId"],
        state=str(instance.get("State", {}).get("Name", "")),
        private_ip=instance.get("PrivateIpAddress", ""),
        zone=instance.get("Placement", {}).get("AvailabilityZone", ""),
        instance_type=str(instance.get("InstanceType", "")),
        image_id=instance.get("ImageId", ""),
        hub_id=tags.get(HUB_TAG, ""),
        server_id=tags.get(SERVER_TAG, ""),
        owner_id=tags.get(OWNER_TAG, ""),
        launch_id=tags.get(LAUNCH_TAG, ""),
        client_token=instance.get("ClientToken", ""),
        market=str(instance.get("InstanceLifecycle", "on-demand")),
        launched_at=launched.timestamp() if launched else 0.0,
        kept=tags.get(KEEP_TAG, "").lower() == "true",
        reason_code=reason.get("Code", ""),
        reason_message=reason.get("Message", ""),
        lease_until=read_lease(tags.get(LEASE_TAG, "")),
        tags=tags,
        volumes={
            block.get("DeviceName", ""): block.get("Ebs", {}).get("VolumeId", "")
            for block in instance.get("BlockDeviceMappings", [])
        },
    )


async def run_machine(
    lane: Lane,
    request: Mapping[str, Any],
    client_token: str,
    still_wanted: Callable[[], bool] = lambda: True,
) -> Machine:
    """RunInstances, once. The private address is in the answer.

    :param still_wanted: asked in the lane's thread when its turn has come
    :raises NotSent: when it says no
    """

    def work(lane: Lane) -> Machine:
        if not still_wanted():
            raise NotSent()
        answer = lane.ec2.run_instances(**request, ClientToken=client_token)
        return read_machine(answer["Instances"][0])

    return await lane.run("RunInstances", work)


async def list_machines(lane: Lane, hub_id: str) -> dict[str, Machine]:
    """Every machine of one hub, terminated ones too while EC2 still shows them."""

    def work(lane: Lane) -> dict[str, Machine]:
        pages = lane.ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": f"tag:{HUB_TAG}", "Values": [hub_id]}],
            PaginationConfig={"PageSize": _PAGE},
        )
        return {
            instance["InstanceId"]: read_machine(instance)
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation.get("Instances", [])
        }

    return await lane.run("DescribeInstances", work)


async def describe_machine(lane: Lane, instance_id: str) -> Machine | None:
    """A machine by its id, whatever its tags are; None when EC2 does not know it.

    Not to be known proves nothing at once (EC2 developer guide, "Eventual
    consistency").

    :raises EC2Error: when EC2 does not answer
    """

    def work(lane: Lane) -> Machine | None:
        answer = lane.ec2.describe_instances(InstanceIds=[instance_id])
        for reservation in answer["Reservations"]:
            for instance in reservation.get("Instances", []):
                return read_machine(instance)
        return None

    try:
        return await lane.run("DescribeInstances", work)
    except EC2Error as e:
        if e.code != "InvalidInstanceID.NotFound":
            raise
        return None


async def machine_of_token(lane: Lane, client_token: str) -> Machine | None:
    """What RunInstances has made for a client token, if EC2 shows it yet."""

    def work(lane: Lane) -> Machine | None:
        answer = lane.ec2.describe_instances(
            Filters=[{"Name": "client-token", "Values": [client_token]}]
        )
        for reservation in answer["Reservations"]:
            for instance in reservation.get("Instances", []):
                return read_machine(instance)
        return None

    return await lane.run("DescribeInstances", work)


# One wrong id fails each of the next three for all: ask by way of a ``Batcher``.


async def terminate_machines(lane: Lane, ids: Sequence[str]) -> dict[str, str]:
    """TerminateInstances, and the states that EC2 confirms: id -> state."""

    def work(lane: Lane) -> dict[str, str]:
        answer = lane.ec2.terminate_instances(InstanceIds=list(ids))
        return _states(answer["TerminatingInstances"])

    return await lane.run("TerminateInstances", work, resources=len(ids))


async def stop_machines(
    lane: Lane, ids: Sequence[str], hibernate: bool = False
) -> dict[str, str]:
    """StopInstances, and the states that EC2 confirms: id -> state.

    :param hibernate: with what is in memory; for machines launched for that only
    """

    def work(lane: Lane) -> dict[str, str]:
        answer = lane.ec2.stop_instances(InstanceIds=list(ids), Hibernate=hibernate)
        return _states(answer["StoppingInstances"])

    return await lane.run("StopInstances", work, resources=len(ids))


async def start_machines(lane: Lane, ids: Sequence[str]) -> dict[str, str]:
    """StartInstances, and the states that EC2 confirms: id -> state."""

    def work(lane: Lane) -> dict[str, str]:
        answer = lane.ec2.start_instances(InstanceIds=list(ids))
        return _states(answer["StartingInstances"])

    return await lane.run("StartInstances", work, resources=len(ids))


def _states(changes: Sequence[InstanceStateChangeTypeDef]) -> dict[str, str]:
    return {
        change["InstanceId"]: str(change.get("CurrentState", {}).get("Name", ""))
        for change in changes
    }


async def set_user_data(lane: Lane, instance_id: str, user_data: bytes) -> None:
    """Give a stopped machine other user-data."""

    def work(lane: Lane) -> None:
        lane.ec2.modify_instance_attribute(
            InstanceId=instance_id, UserData={"Value": user_data}
        )

    await lane.run("ModifyInstanceAttribute", work)


async def set_instance_type(lane: Lane, instance_id: str, instance_type: str) -> None:
    """Make a stopped machine one of another size."""

    def work(lane: Lane) -> None:
        lane.ec2.modify_instance_attribute(
            InstanceId=instance_id, InstanceType={"Value": instance_type}
        )

    await lane.run("ModifyInstanceAttribute", work)


async def console_output(lane: Lane, instance_id: str) -> str:
    """What the machine's console has printed, as far as EC2 has it.

    Only Nitro machines have the latest output; of others EC2 keeps what came
    shortly after a boot (EC2 API reference, GetConsoleOutput, "Latest").
    """

    def latest(lane: Lane) -> str:
        answer = lane.ec2.get_console_output(InstanceId=instance_id, Latest=True)
        return answer.get("Output", "")

    def kept(lane: Lane) -> str:
        return lane.ec2.get_console_output(InstanceId=instance_id).get("Output", "")

    try:
        return await lane.run("GetConsoleOutput", latest)
    except EC2Error as e:
        if e.code != "UnsupportedOperation":
            raise
        return await lane.run("GetConsoleOutput", kept)
