"""Settings + identity -> LaunchPlan. Pure: requests are made here, sent elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .identity import HUB_TAG, LAUNCH_TAG, LEASE_TAG, OWNER_TAG, SERVER_TAG, owner_id
from .lease import lease_text
from .settings import LaunchSettings

# EC2 user guide, "Tag your Amazon EC2 resources": the characters that every
# service accepts in tag values.
_NOT_IN_TAGS = re.compile(r"[^\w +\-=._:/@]")
_TAG_VALUE_LENGTH = 256
_CHANGEABLE = {"InstanceType", "UserData", "TagSpecifications", "ClientToken"}
_TAGGED_AT_LAUNCH = ("instance", "volume", "network-interface")


@dataclass(frozen=True)
class Image:
    """What a launch must know of an AMI."""

    id: str
    root_device: str
    architecture: str = ""


@dataclass(frozen=True)
class LaunchIdentity:
    """Whose machine it will be. The names are cosmetic, the ids are not."""

    hub_id: str
    server_id: str
    launch_id: str
    username: str = ""
    servername: str = ""
    #: seconds since the epoch until when it may live without a Hub; 0 for no word
    lease_until: float = 0.0


@dataclass(frozen=True)
class Candidate:
    """One (market, instance type, subnet) that a launch may try."""

    market: str
    instance_type: str
    subnet: str
    request: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.instance_type} in {self.subnet or 'any zone'}"


@dataclass(frozen=True)
class LaunchPlan:
    """Candidates in order of preference, each one RunInstances request.

    The requests lack ``ClientToken``: it belongs to the attempt.
    """

    launch_id: str
    candidates: tuple[Candidate, ...]


def plan_launch(
    settings: LaunchSettings, image: Image, who: LaunchIdentity, user_data: bytes
) -> LaunchPlan:
    """Turn settings into the requests of one launch.

    :param user_data: at most 16,384 bytes, as ``claim.user_data`` makes it
    """
    return LaunchPlan(
        launch_id=who.launch_id,
        candidates=tuple(
            Candidate(
                market="on-demand",
                instance_type=settings.instance_type,
                subnet=subnet,
                request=_run_instances(settings, image, who, user_data, subnet),
            )
            for subnet in settings.subnets or [""]
        ),
    )


def fingerprint(request: Mapping[str, Any]) -> str:
    """What two machines must share for one to serve in the other's place.

    Made of a RunInstances request without what can be changed while a machine is
    stopped (EC2 API reference, ModifyInstanceAttribute), without names, and without
    the place, which a machine keeps.
    """
    fixed = {name: value for name, value in request.items() if name not in _CHANGEABLE}
    fixed["NetworkInterfaces"] = [
        {name: value for name, value in interface.items() if name != "SubnetId"}
        for interface in request["NetworkInterfaces"]
    ]
    text = json.dumps(fixed, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _run_instances(
    settings: LaunchSettings,
    image: Image,
    who: LaunchIdentity,
    user_data: bytes,
    subnet: str,
) -> dict[str, Any]:
    """One RunInstances request (EC2 API reference, RunInstances)."""
    request: dict[str, Any] = {
        "ImageId": image.id,
        "InstanceType": settings.instance_type,
        "MinCount": 1,
        "MaxCount": 1,
        "UserData": user_data,
        # The agent powers off a machine that nobody wants: that must end it, unless
        # the machine may be wanted again.
        "InstanceInitiatedShutdownBehavior": settings.on_stop,
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 1,
            "InstanceMetadataTags": "disabled",
        },
        "NetworkInterfaces": [_network_interface(settings, subnet)],
        "BlockDeviceMappings": [_root_volume(settings, image)],
        "TagSpecifications": [
            {"ResourceType": kind, "Tags": _tags(settings, who)}
            for kind in _TAGGED_AT_LAUNCH
        ],
    }
    if settings.key_name:
        request["KeyName"] = settings.key_name
    if profile := settings.iam_instance_profile:
        kind = "Arn" if profile.startswith("arn:") else "Name"
        request["IamInstanceProfile"] = {kind: profile}
    return request


def _network_interface(settings: LaunchSettings, subnet: str) -> dict[str, Any]:
    # A public address can only be refused here, not at the top of the request,
    # and default subnets give one unless it is refused.
    interface: dict[str, Any] = {
        "DeviceIndex": 0,
        "AssociatePublicIpAddress": settings.public_ip,
        "DeleteOnTermination": True,
    }
    if subnet:
        interface["SubnetId"] = subnet
    if settings.security_groups:
        interface["Groups"] = list(settings.security_groups)
    return interface


def _root_volume(settings: LaunchSettings, image: Image) -> dict[str, Any]:
    ebs: dict[str, Any] = {
        "VolumeType": "gp3",
        "DeleteOnTermination": True,
    }
    if settings.root_volume_encrypted:
        # Never False: EC2 refuses that for an image that is encrypted itself.
        ebs["Encrypted"] = True
    if settings.root_volume_size:
        ebs["VolumeSize"] = settings.root_volume_size
    return {"DeviceName": image.root_device, "Ebs": ebs}


def _tags(settings: LaunchSettings, who: LaunchIdentity) -> list[dict[str, str]]:
    tags = {"Name": f"ec2spawner-{who.server_id[:8]}"}
    for key, value in settings.tags.items():
        text = value.format(username=who.username, servername=who.servername)
        tags[key] = _NOT_IN_TAGS.sub("_", text)[:_TAG_VALUE_LENGTH]
    tags |= {
        HUB_TAG: who.hub_id,
        SERVER_TAG: who.server_id,
        OWNER_TAG: owner_id(who.hub_id, who.username),
        LAUNCH_TAG: who.launch_id,
    }
    if who.lease_until:
        tags[LEASE_TAG] = lease_text(who.lease_until)
    return [{"Key": key, "Value": value} for key, value in tags.items()]
