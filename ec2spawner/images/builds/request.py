"""The RunInstances request of a builder. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.ids import digest
from ...core.tags import BUILD_TAG, HUB_TAG, IMAGE_TAG, LEASE_TAG, lease_text
from ...ec2.facts import Image
from ...ec2.tags import specification
from ...settings import LaunchSettings

# What an image begins with for a hub that has only images of this kind.
# https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
UBUNTU = (
    "ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/"
    "ebs-gp3/ami-id"
)
# Packages of some GB are unpacked, and the image is as large as this disk.
LEAST_DISK = 16
#: seconds after which a builder ends itself, whatever it is doing
DEADLINE = 5400
# Two who begin at once must ask for the same machine: what depends on the time changes
# once in so many seconds.
_WINDOW = 3600.0


def builder_request(
    settings: LaunchSettings,
    base: Image,
    instance_type: str,
    user_data: bytes,
    tags: Mapping[str, str],
    disk: int = 0,
    subnet: str = "",
    public_ip: bool = False,
) -> dict[str, Any]:
    """What asks for one builder, without its client token and the time's tags.

    It gets no role, no key and nothing secret: it runs what strangers have published.

    :param disk: GiB, 0 for what is usual
    :param public_ip: give it a public address, whatever machines of users have
    """
    interface: dict[str, Any] = {
        "DeviceIndex": 0,
        "AssociatePublicIpAddress": public_ip or settings.public_ip,
        "DeleteOnTermination": True,
    }
    if subnet:
        interface["SubnetId"] = subnet
    if settings.security_groups:
        interface["Groups"] = list(settings.security_groups)
    # Not encrypted by us: an image with the account's own key can be given to nobody,
    # and there is nothing secret on it. What is made from it is encrypted at launch.
    ebs = {
        "VolumeType": "gp3",
        "DeleteOnTermination": True,
        "VolumeSize": max(disk or LEAST_DISK, base.root_size),
    }
    return {
        "ImageId": base.id,
        "InstanceType": instance_type,
        "MinCount": 1,
        "MaxCount": 1,
        "UserData": user_data,
        # It ends itself by shutting down. Only who makes the image stops it.
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 1,
            "InstanceMetadataTags": "disabled",
        },
        "NetworkInterfaces": [interface],
        "BlockDeviceMappings": [{"DeviceName": base.root_device, "Ebs": ebs}],
        "TagSpecifications": [
            specification("instance", tags),
            specification("volume", tags),
            specification("network-interface", tags),
        ],
    }


def builder_tags(
    settings: LaunchSettings, hub_id: str, name: str, key: str
) -> dict[str, str]:
    """Tags of a builder: the admin's own that name no user, and ours."""
    own = {k: v for k, v in settings.tags.items() if "{" not in v}
    return {
        "Name": f"ec2spawner-build-{name}",
        **own,
        HUB_TAG: hub_id,
        BUILD_TAG: key,
        IMAGE_TAG: name,
    }


def launch_of(
    request: Mapping[str, Any], key: str, ended: int, now: float, deadline: float
) -> tuple[dict[str, Any], str]:
    """The request with its lease, and its client token.

    Whoever builds the same at the same time asks for the same machine, and so does
    who did not hear EC2's answer.

    :param ended: how many builders of this key have ended
    :param now: seconds since the epoch
    """
    window = now // _WINDOW
    lease = lease_text((window + 1) * _WINDOW + deadline)
    tags = [
        {**each, "Tags": [*each["Tags"], {"Key": LEASE_TAG, "Value": lease}]}
        for each in request["TagSpecifications"]
    ]
    place = str(request["NetworkInterfaces"])
    token = digest(key, str(ended), str(window), place, request["InstanceType"])
    return {**request, "TagSpecifications": tags}, f"build-{key[:12]}-{token}"
