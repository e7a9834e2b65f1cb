"""From what an admin wrote for ``image`` to one AMI."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..core.errors import EC2SpawnError, Reason
from .clients import Lane
from .facts import Image

# SSM parameters and name patterns move when their makers publish; an AMI itself
# never changes.
_MOVING_SECONDS = 300.0

_USER_MESSAGE = (
    "The image of this server cannot be found. Please tell your hub's admin."
)


class Images:
    """Resolves image settings, and remembers."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._images: dict[str, Image] = {}
        self._moving: dict[tuple[str, tuple[str, ...]], tuple[float, str]] = {}

    async def resolve(self, image: str, owners: Sequence[str]) -> Image:
        """The AMI that ``image`` stands for.

        :param image: ``ami-...``, ``ssm:/path`` or ``name:pattern``
        :param owners: the accounts that a name pattern may match
        :raises EC2SpawnError: when there is no such image
        :raises EC2Error: when AWS does not answer
        """
        ami = await self._ami_id(image.strip(), tuple(owners))
        if ami not in self._images:
            self._images[ami] = await self._describe(ami)
        return self._images[ami]

    def known(self, image: str, owners: Sequence[str]) -> Image | None:
        """What ``image`` stood for when it was resolved last, without asking."""
        image = image.strip()
        _, ami = self._moving.get((image, tuple(owners)), (0.0, image))
        return self._images.get(ami)

    async def _ami_id(self, image: str, owners: tuple[str, ...]) -> str:
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
            raise _no_image(
                f"image is {image!r}: set it to 'ami-...', 'ssm:/path/of/parameter' "
                "or 'name:pattern'"
            )
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
        if not owners:
            raise _no_image(
                f"image is 'name:{pattern}' but image_owners is empty: anyone can "
                "publish an image under any name, so say whose you mean"
            )

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

    async def _describe(self, ami: str) -> Image:
        def work(lane: Lane) -> Image | None:
            images = lane.ec2.describe_images(ImageIds=[ami])["Images"]
            if not images:
                return None
            root = images[0].get("RootDeviceName", "/dev/xvda")
            disks = {
                each.get("DeviceName", ""): each.get("Ebs", {})
                for each in images[0].get("BlockDeviceMappings", [])
            }
            return Image(
                id=ami,
                root_device=root,
                architecture=str(images[0].get("Architecture", "")),
                devices=frozenset(disks),
                root_size=disks.get(root, {}).get("VolumeSize", 0),
            )

        image = await self._lane.run("DescribeImages", work)
        if image is None:
            raise _no_image(f"there is no image {ami} in this region")
        return image


def _no_image(log_message: str) -> EC2SpawnError:
    return EC2SpawnError(_USER_MESSAGE, reason=Reason.IMAGE, log_message=log_message)
