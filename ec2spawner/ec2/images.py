"""Images: from what an admin wrote for ``image`` to one AMI, and those of hubs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.errors import EC2SpawnError, Reason
from ..core.tags import HUB_TAG, IMAGE_TAG, KEEP_TAG, KEY_TAG, READY, STATUS_TAG
from ..settings.machine import image_mistake
from .clients import Lane
from .errors import EC2Error
from .facts import Image, read_image, read_time
from .machines import Machine, read_machine
from .tags import from_pairs, specification

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef, ImageTypeDef

# SSM parameters and name patterns move when their makers publish; an AMI itself
# never changes.
_MOVING_SECONDS = 300.0
# EC2 takes 200 values in a filter (EC2 API reference, "Query requests").
_IDS_IN_A_FILTER = 200

_USER_MESSAGE = (
    "The image of this server cannot be found. Please tell your hub's admin."
)


class Images:
    """Resolves image settings, and remembers."""

    def __init__(self, lane: Lane, hub_id: str = "") -> None:
        self._lane = lane
        self._hub_id = hub_id
        self._images: dict[str, Image] = {}
        self._moving: dict[tuple[str, tuple[str, ...]], tuple[float, str]] = {}
        #: what stood for no image when it was asked for last
        self._absent: set[tuple[str, tuple[str, ...]]] = set()
        #: what the hub has made, as it was seen last
        self.shelf: tuple[ShelvedImage, ...] | None = None

    async def look_at_shelf(self) -> None:
        """
        :raises EC2Error: when AWS does not answer
        """
        self.shelf = tuple(await shelved_images(self._lane, self._hub_id))

    async def resolve(self, image: str, owners: Sequence[str]) -> Image:
        """The AMI that ``image`` stands for.

        :param image: ``ami-...``, ``ssm:/path``, ``name:pattern`` or ``repo:name``
        :param owners: the accounts that a name pattern may match
        :raises EC2SpawnError: when there is no such image
        :raises EC2Error: when AWS does not answer
        """
        key = image.strip(), tuple(owners)
        try:
            ami = await self._ami_id(*key)
            if ami not in self._images:
                self._images[ami] = await self._describe(ami)
        except (EC2SpawnError, EC2Error) as e:
            reason = e.meaning.reason if isinstance(e, EC2Error) else e.reason
            if reason == Reason.IMAGE:
                self._moving.pop(key, None)
                self._absent.add(key)
            raise
        self._absent.discard(key)
        return self._images[ami]

    def known(self, image: str, owners: Sequence[str]) -> Image | None:
        """What ``image`` stood for when it was resolved last, without asking."""
        image = image.strip()
        if (image, tuple(owners)) in self._absent:
            return None
        _, ami = self._moving.get((image, tuple(owners)), (0.0, image))
        return self._images.get(ami)

    def is_absent(self, image: str, owners: Sequence[str]) -> bool:
        """Whether there was no such image when it was resolved last."""
        return (image.strip(), tuple(owners)) in self._absent

    async def _ami_id(self, image: str, owners: tuple[str, ...]) -> str:
        if mistake := image_mistake(image, owners):
            raise _no_image(mistake)
        if image.startswith("ami-"):
            return image
        known = self._moving.get((image, owners))
        if known and time.monotonic() - known[0] < _MOVING_SECONDS:
            return known[1]
        if image.startswith("ssm:"):
            ami = await self._from_parameter(image.removeprefix("ssm:"))
        elif image.startswith("name:"):
            ami = await self._newest(image.removeprefix("name:"), owners)
        else:
            ami = await self._newest_of_shelf(image.removeprefix("repo:"))
        self._moving[image, owners] = (time.monotonic(), ami)
        return ami

    async def _from_parameter(self, path: str) -> str:
        def work(lane: Lane) -> str:
            answer = lane.ssm.get_parameter(Name=path)
            return answer["Parameter"].get("Value", "")

        value = await self._lane.run("GetParameter", work)
        if not value.startswith("ami-"):
            raise _no_image(f"the SSM parameter {path} holds {value!r}, not an AMI id")
        return value

    async def _newest(self, pattern: str, owners: tuple[str, ...]) -> str:
        def work(lane: Lane) -> str:
            answer = lane.ec2.describe_images(
                Owners=list(owners),
                Filters=[
                    {"Name": "name", "Values": [pattern]},
                    {"Name": "state", "Values": ["available"]},
                ],
            )
            newest = max(
                answer["Images"], key=lambda i: i.get("CreationDate", ""), default=None
            )
            return newest.get("ImageId", "") if newest else ""

        ami = await self._lane.run("DescribeImages", work)
        if not ami:
            raise _no_image(
                f"no available image of {', '.join(owners)} is named {pattern!r}"
            )
        return ami

    async def _newest_of_shelf(self, name: str) -> str:
        found = await shelved_images(self._lane, self._hub_id, {IMAGE_TAG: name})
        newest = max(
            (image for image in found if image.ready),
            key=lambda image: image.created_at,
            default=None,
        )
        if newest is None:
            raise _no_image(
                f"this hub has no image 'repo:{name}' that is ready in this region: "
                "make one with ec2spawner image build"
            )
        return newest.id

    async def _describe(self, ami: str) -> Image:
        def work(lane: Lane) -> Image | None:
            images = lane.ec2.describe_images(ImageIds=[ami])["Images"]
            return read_image(images[0]) if images else None

        image = await self._lane.run("DescribeImages", work)
        if image is None:
            raise _no_image(f"there is no image {ami} in this region")
        return image


def _no_image(log_message: str) -> EC2SpawnError:
    return EC2SpawnError(_USER_MESSAGE, reason=Reason.IMAGE, log_message=log_message)


# Those that hubs make.


@dataclass(frozen=True)
class ShelvedImage:
    """An image that a hub has made. ``state`` is EC2's word: pending, available, ..."""

    id: str
    #: as EC2 knows it, unique in account and region; people choose by ``label``
    name: str
    state: str
    label: str = ""
    #: the hash of all that went into it
    key: str = ""
    created_at: float = 0.0  # seconds since the epoch
    architecture: str = ""
    #: GiB that a machine's disk must have
    size: int = 0
    snapshots: tuple[str, ...] = ()
    description: str = ""
    #: with a key of AWS's or the account's own
    encrypted: bool = False
    #: seconds since the epoch, up to a day late; 0 for never
    launched_at: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def kept(self) -> bool:
        """A person's word that it stays."""
        return self.tags.get(KEEP_TAG, "").lower() == "true"

    @property
    def ready(self) -> bool:
        """Machines can be made from it, and it is on offer."""
        return self.state == "available" and self.tags.get(STATUS_TAG) == READY


def read_shelved(image: ImageTypeDef) -> ShelvedImage:
    """Read one image of a DescribeImages answer."""
    tags = from_pairs(image.get("Tags", []))
    disks = [each.get("Ebs", {}) for each in image.get("BlockDeviceMappings", [])]
    return ShelvedImage(
        id=image.get("ImageId", ""),
        name=image.get("Name", ""),
        state=str(image.get("State", "")),
        label=tags.get(IMAGE_TAG, ""),
        key=tags.get(KEY_TAG, ""),
        created_at=read_time(image.get("CreationDate", "")),
        architecture=str(image.get("Architecture", "")),
        size=sum(disk.get("VolumeSize", 0) for disk in disks),
        snapshots=tuple(d["SnapshotId"] for d in disks if "SnapshotId" in d),
        description=image.get("Description", ""),
        encrypted=any(disk.get("Encrypted", False) for disk in disks),
        launched_at=read_time(image.get("LastLaunchedTime", "")),
        tags=tags,
    )


async def shelved_images(
    lane: Lane, hub_id: str, tags: Mapping[str, str] | None = None
) -> list[ShelvedImage]:
    """The images that a hub has made in this region, whatever their state.

    :param tags: only those that have these, too
    """
    filters: list[FilterTypeDef] = [
        {"Name": f"tag:{key}", "Values": [value]}
        for key, value in {HUB_TAG: hub_id, **(tags or {})}.items()
    ]

    def work(lane: Lane) -> list[ShelvedImage]:
        pages = lane.ec2.get_paginator("describe_images").paginate(
            Owners=["self"], Filters=filters
        )
        return [read_shelved(image) for page in pages for image in page["Images"]]

    return await lane.run("DescribeImages", work)


async def create_image(
    lane: Lane,
    instance_id: str,
    name: str,
    description: str,
    tags: Mapping[str, str],
    without: Sequence[str] = (),
) -> str:
    """CreateImage: the id, long before the image can be used.

    EC2 has no client token for it. The name is one: a second image of the same name
    is ``InvalidAMIName.Duplicate``. A machine that runs goes on; of what it has not
    written yet nothing is in the image.

    :param without: the names of devices whose disks are left out
    """

    def work(lane: Lane) -> str:
        answer = lane.ec2.create_image(
            InstanceId=instance_id,
            Name=name,
            Description=description,
            NoReboot=True,
            BlockDeviceMappings=[
                {"DeviceName": name, "NoDevice": ""} for name in without
            ],
            TagSpecifications=[
                specification("image", tags),
                specification("snapshot", tags),
            ],
        )
        return answer["ImageId"]

    return await lane.run("CreateImage", work)


async def deregister_image(lane: Lane, image_id: str) -> None:
    """DeregisterImage, and delete its snapshots that no other image needs."""

    def work(lane: Lane) -> None:
        lane.ec2.deregister_image(ImageId=image_id, DeleteAssociatedSnapshots=True)

    await lane.run("DeregisterImage", work)


async def copy_image(
    lane: Lane, source: ShelvedImage, region: str, tags: Mapping[str, str], token: str
) -> str:
    """CopyImage into the region of the lane: the id, long before it can be used.

    Tags and permissions of the source are not copied. Unlike CreateImage it takes a
    name that is in use: https://github.com/hashicorp/packer/issues/2123

    :param region: where the source is
    :param token: the same one gives the same copy, whatever has become of it
    """

    def work(lane: Lane) -> str:
        answer = lane.ec2.copy_image(
            SourceRegion=region,
            SourceImageId=source.id,
            Name=source.name,
            Description=source.description,
            ClientToken=token,
            TagSpecifications=[
                specification("image", tags),
                specification("snapshot", tags),
            ],
        )
        return answer["ImageId"]

    return await lane.run("CopyImage", work)


async def machines_of_images(lane: Lane, image_ids: Sequence[str]) -> list[Machine]:
    """The machines of this account that were made of them, stopped ones too.

    Whosever they are: another hub's, or a person's without any.
    """

    def work(lane: Lane) -> list[Machine]:
        found = []
        for at in range(0, len(image_ids), _IDS_IN_A_FILTER):
            ids = list(image_ids[at : at + _IDS_IN_A_FILTER])
            pages = lane.ec2.get_paginator("describe_instances").paginate(
                Filters=[{"Name": "image-id", "Values": ids}],
                PaginationConfig={"PageSize": 1000},
            )
            found += [
                read_machine(instance)
                for page in pages
                for reservation in page["Reservations"]
                for instance in reservation.get("Instances", [])
            ]
        return found

    return await lane.run("DescribeInstances", work)


async def share_image(lane: Lane, image_id: str, account: str, allowed: bool) -> None:
    """Let another account launch an image, or do so no more.

    Who may not read its snapshots cannot copy it: see `share_snapshot`.
    """

    def work(lane: Lane) -> None:
        lane.ec2.modify_image_attribute(
            ImageId=image_id,
            Attribute="launchPermission",
            OperationType="add" if allowed else "remove",
            UserIds=[account],
        )

    await lane.run("ModifyImageAttribute", work)


async def share_snapshot(
    lane: Lane, snapshot_id: str, account: str, allowed: bool
) -> None:
    """Let another account read a snapshot, or do so no more."""

    def work(lane: Lane) -> None:
        lane.ec2.modify_snapshot_attribute(
            SnapshotId=snapshot_id,
            Attribute="createVolumePermission",
            OperationType="add" if allowed else "remove",
            UserIds=[account],
        )

    await lane.run("ModifySnapshotAttribute", work)
