"""Machines as EC2 tells of them, and the calls that make and end them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from ..core.tags import (
    BUILD_TAG,
    DATABASE_TAG,
    HUB_TAG,
    KEEP_TAG,
    LAUNCH_TAG,
    LEASE_TAG,
    OWNER_TAG,
    READY_TAG,
    SERVER_TAG,
    read_given,
    read_lease,
)
from .clients import Lane, NotSent
from .errors import EC2Error
from .tags import from_pairs

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import (
        InstanceStateChangeTypeDef,
        InstanceTypeDef,
        ReservationTypeDef,
    )

GOING = frozenset({"shutting-down", "terminated"})
# EC2 API reference, StateReason.
STOPPED = "Client.UserInitiatedShutdown"
HIBERNATED = "Client.UserInitiatedHibernate"
#: what runs on the machine has shut it down
BY_ITSELF = "Client.InstanceInitiatedShutdown"
STOPPED_STATES = frozenset({"stopping", "stopped"})

# So many ids in one call (it may be a thousand).
_IDS = 200
_TRANSITION = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:GMT|UTC)\)")
_ID = re.compile(r"\bi-[0-9a-f]{8,17}\b")


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
    #: the name of the Hub's database that asked for it
    database: str = ""
    #: the AWS account that has it
    account: str = ""
    reason_code: str = ""
    reason_message: str = ""
    #: when it was told to stop or end, seconds since the epoch; 0 if EC2 does not say
    ended_at: float = 0.0
    #: it has a public IPv4 address, which costs
    public: bool = False
    #: until when it may live without a Hub, seconds since the epoch; 0 without a tag
    lease_until: float = 0.0
    #: when it was given to who has it, seconds since the epoch; 0 for one that was
    #: launched for them
    given_at: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    #: the ids of its volumes by the names of their devices, as far as EC2 shows them
    volumes: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    #: the name of the device that it boots from
    root_device: str = field(default="", compare=False)

    @property
    def spared(self) -> bool:
        """No sweep may end it, whatever the database says."""
        return self.kept

    @property
    def build(self) -> str:
        """The key of the image that it makes; empty for a machine of a server."""
        return self.tags.get(BUILD_TAG, "")

    @property
    def ready_kind(self) -> str:
        """Which kind it is of, if it is ready for somebody and nobody's yet; empty for
        a machine of a server."""
        return "" if self.given_at else self.tags.get(READY_TAG, "")

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


def read_machine(instance: InstanceTypeDef, account: str = "") -> Machine:
    """Read one instance of a DescribeInstances or RunInstances answer.

    :param account: of the reservation that it is in
    """
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
        database=tags.get(DATABASE_TAG, ""),
        account=account,
        reason_code=reason.get("Code", ""),
        reason_message=reason.get("Message", ""),
        ended_at=_read_transition(instance.get("StateTransitionReason", "")),
        public=bool(instance.get("PublicIpAddress")),
        lease_until=read_lease(tags.get(LEASE_TAG, "")),
        given_at=read_given(tags.get(READY_TAG, "")),
        tags=tags,
        volumes={
            block.get("DeviceName", ""): block.get("Ebs", {}).get("VolumeId", "")
            for block in instance.get("BlockDeviceMappings", [])
        },
        root_device=instance.get("RootDeviceName", ""),
    )


def _read_transition(text: str) -> float:
    """When a machine left its state: ``User initiated (2026-11-26 00:25:16 GMT)``.

    Seconds since the epoch; 0 without a time (EC2 API reference, Instance,
    "stateTransitionReason": "This might be an empty string").
    """
    if (at := _TRANSITION.search(text)) is None:
        return 0.0
    try:
        moment = datetime.strptime(at[1], "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return 0.0
    return moment.replace(tzinfo=timezone.utc).timestamp()


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
        return read_machine(answer["Instances"][0], answer.get("OwnerId", ""))

    return await lane.run("RunInstances", work)


def read_reservations(
    reservations: Sequence[ReservationTypeDef],
) -> Iterator[Machine]:
    """Read what DescribeInstances answers."""
    for reservation in reservations:
        for instance in reservation.get("Instances", []):
            yield read_machine(instance, reservation.get("OwnerId", ""))


def merged(rows: Iterator[Machine]) -> dict[str, Machine]:
    """By id. Of a machine that comes twice, on two pages, the later row is newer, but
    nothing comes back from its end."""
    found: dict[str, Machine] = {}
    for row in rows:
        if row.id not in found or row.gone or not found[row.id].gone:
            found[row.id] = row
    return found


async def machines_by_id(lane: Lane, ids: Sequence[str]) -> dict[str, Machine]:
    """Those of these machines that EC2 knows, whatever tags they have.

    An id that EC2 does not know fails a call for all: they are asked for again
    without it.

    :raises EC2Error: for anything else
    """
    found: dict[str, Machine] = {}
    waiting = [list(ids[at : at + _IDS]) for at in range(0, len(ids), _IDS)]
    while waiting:
        batch = waiting.pop()
        try:
            work = partial(_described, ids=batch)
            found |= await lane.run("DescribeInstances", work)
        except EC2Error as e:
            if not e.code.startswith("InvalidInstanceID."):
                raise
            named = set(_ID.findall(e.message)) & set(batch)
            rest = [id for id in batch if id not in named]
            half = len(rest) // 2
            parts = [rest] if named else [rest[:half], rest[half:]]
            if named or len(batch) > 1:
                waiting += filter(None, parts)
    return found


def _described(lane: Lane, ids: Sequence[str]) -> dict[str, Machine]:
    answer = lane.ec2.describe_instances(InstanceIds=ids)
    return merged(read_reservations(answer["Reservations"]))


async def machine_of_token(lane: Lane, client_token: str) -> Machine | None:
    """What RunInstances has made for a client token, if EC2 shows it yet."""

    def work(lane: Lane) -> Machine | None:
        answer = lane.ec2.describe_instances(
            Filters=[{"Name": "client-token", "Values": [client_token]}]
        )
        return next(read_reservations(answer["Reservations"]), None)

    return await lane.run("DescribeInstances", work)


async def machines_at(
    lane: Lane, address: str, subnets: Sequence[str]
) -> Mapping[str, Machine]:
    """The machines at a private address, whose hub's they may be: id -> machine.

    :param subnets: where to look; in other networks the same address is another's
    """

    def work(lane: Lane) -> dict[str, Machine]:
        answer = lane.ec2.describe_instances(
            Filters=[
                {"Name": "private-ip-address", "Values": [address]},
                {"Name": "subnet-id", "Values": list(subnets)},
            ]
        )
        return merged(read_reservations(answer["Reservations"]))

    return await lane.run("DescribeInstances", work)


# One wrong id fails each of the next three for all: ask by way of a ``Batcher``.


async def terminate_machines(lane: Lane, ids: Sequence[str]) -> dict[str, str]:
    """TerminateInstances, and the states that EC2 confirms: id -> state."""

    def work(lane: Lane) -> dict[str, str]:
        answer = lane.ec2.terminate_instances(InstanceIds=list(ids))
        return _states(answer["TerminatingInstances"])

    return await lane.run("TerminateInstances", work, resources=len(ids))


async def stop_machines(
    lane: Lane,
    ids: Sequence[str],
    hibernate: bool = False,
    doubted: Callable[[], None] = lambda: None,
) -> dict[str, str]:
    """StopInstances, and the states that EC2 confirms: id -> state.

    :param hibernate: with what is in memory; for machines launched for that only
    :param doubted: is told of each call whose answer is lost
    """

    def work(lane: Lane) -> dict[str, str]:
        answer = lane.ec2.stop_instances(InstanceIds=list(ids), Hibernate=hibernate)
        return _states(answer["StoppingInstances"])

    return await lane.run("StopInstances", work, len(ids), doubted)


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
