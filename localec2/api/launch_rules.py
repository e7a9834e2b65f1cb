"""What EC2 refuses about a RunInstances request before it launches anything."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES

from ..errors import AwsError
from ..requests.request import ApiRequest
from ..world import hibernation
from .disk_rules import check_disks
from .tag_rules import check_launch_tags

#: raw bytes, before base64
#: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
USER_DATA_LIMIT = 16384

_AMI = re.compile(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$")


@dataclass
class Launch:
    """A checked RunInstances request."""

    min_count: int
    max_count: int
    instance_type: str
    #: "on-demand" or "spot"
    market: str
    #: None when the caller leaves the zone to EC2
    zone: str | None
    subnet: Any | None
    token: str


def check_launch(request: ApiRequest, backend: Any, pool_of: Any) -> Launch:
    minimum, maximum = _counts(request)
    check_user_data(request)
    spot = request.get("InstanceMarketOptions.MarketType") == "spot"
    check_launch_tags(request.tag_specifications(), spot)
    token = request.get("ClientToken") or ""
    if len(token) > 64 or not token.isascii():
        raise AwsError(
            "InvalidParameterValue",
            "Invalid value for clientToken: at most 64 ASCII characters",
        )
    template = any(name.startswith("LaunchTemplate.") for name in request.params)
    image = _image(request, backend, template)
    kind = _instance_type(request, template)
    if image is not None and kind is not None:
        check_architecture(kind, image.architecture)
    subnet, zone = _network(request, backend, pool_of, minimum)
    if kind is not None and zone is not None:
        _offered(kind, zone, backend.region_name)
    key = request.get("KeyName")
    if key and key not in backend.key_pairs:
        raise AwsError(
            "InvalidKeyPair.NotFound", f"The key pair '{key}' does not exist"
        )
    check_profile(request)
    behavior = request.get("InstanceInitiatedShutdownBehavior")
    check_shutdown_behavior(behavior)
    check_disks(request, image, backend)
    _spot(request)
    hibernation.check_launch(request, image, kind)
    market = "spot" if spot else "on-demand"
    return Launch(minimum, maximum, kind or "m1.small", market, zone, subnet, token)


def check_user_data(request: ApiRequest) -> None:
    text = request.get("UserData") or request.get("UserData.Value")
    if not text:
        return
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise AwsError(
            "InvalidUserData.Malformed", "Invalid BASE64 encoding of user data."
        ) from None
    if len(raw) > USER_DATA_LIMIT:
        raise AwsError(
            "InvalidUserData.Malformed",
            f"User data is limited to {USER_DATA_LIMIT} bytes",
        )


def check_architecture(instance_type: str, architecture: str) -> None:
    supported = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
    if architecture not in supported:
        raise AwsError(
            "InvalidParameterValue",
            f"The architecture '{','.join(supported)}' of the specified instance type "
            f"does not match the architecture '{architecture}' of the specified AMI. "
            "Specify an instance type and an AMI that have matching architectures, "
            "and try again. You can use 'describe-instance-types' or "
            "'describe-images' to discover the architecture of the instance type or "
            "AMI.",
        )


def check_shutdown_behavior(behavior: str | None) -> None:
    if behavior not in (None, "stop", "terminate"):
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({behavior}) for parameter instanceInitiatedShutdownBehavior is "
            "invalid.",
        )


def _counts(request: ApiRequest) -> tuple[int, int]:
    for name in ("MinCount", "MaxCount"):
        if request.get(name) is None:
            raise AwsError(
                "MissingParameter", f"The request must contain the parameter {name}"
            )
    minimum, maximum = request.number("MinCount", 0), request.number("MaxCount", 0)
    if minimum < 1 or maximum < minimum:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ( {minimum} ) for parameter minCount is invalid.",
        )
    return minimum, maximum


def _image(request: ApiRequest, backend: Any, template: bool) -> Any | None:
    image_id = request.get("ImageId")
    if not image_id:
        if template:
            return None
        raise AwsError(
            "MissingParameter", "The request must contain the parameter ImageId"
        )
    if not _AMI.match(image_id):
        raise AwsError("InvalidAMIID.Malformed", f'Invalid id: "{image_id}"')
    image = backend.amis.get(image_id)
    if image is None:
        raise AwsError(
            "InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist"
        )
    if image.state != "available":
        raise AwsError(
            "InvalidAMIID.Unavailable",
            f"The image id '[{image_id}]' is not available",
        )
    return image


def _instance_type(request: ApiRequest, template: bool) -> str | None:
    kind = request.get("InstanceType")
    if kind is None:
        return None if template else "m1.small"
    if kind not in INSTANCE_TYPES:
        raise AwsError(
            "InvalidParameterValue", f"Invalid value '{kind}' for InstanceType."
        )
    return kind


def _network(
    request: ApiRequest, backend: Any, pool_of: Any, count: int
) -> tuple[Any | None, str | None]:
    nics = request.groups("NetworkInterface")
    nic = nics[0] if nics else {}
    subnet_id = request.get("SubnetId")
    groups = request.numbered("SecurityGroupId")
    if nics and (subnet_id or groups or request.get("PrivateIpAddress")):
        raise AwsError(
            "InvalidParameterCombination",
            "Network interfaces and an instance-level subnet ID, security groups or "
            "private IP address may not be specified on the same request",
        )
    subnet_id = subnet_id or nic.get("SubnetId")
    groups = groups or [v for k, v in nic.items() if k.startswith("SecurityGroupId.")]
    zone = request.get("Placement.AvailabilityZone")
    subnet = None
    if zone and zone not in [z.name for z in backend.describe_availability_zones()]:
        raise AwsError("InvalidParameterValue", f"Invalid availability zone: [{zone}]")
    if subnet_id:
        subnet = _subnet(backend, subnet_id)
        if zone and zone != subnet.availability_zone:
            raise AwsError(
                "InvalidParameterValue",
                f"The availability zone '{zone}' of the placement does not match the "
                f"availability zone '{subnet.availability_zone}' of the subnet.",
            )
        zone = subnet.availability_zone
    vpc_id = subnet.vpc_id if subnet else backend.default_vpc.id
    for group_id in groups:
        group = backend.get_security_group_from_id(group_id)
        if group is None:
            raise AwsError(
                "InvalidGroup.NotFound",
                f"The security group '{group_id}' does not exist",
            )
        if group.vpc_id != vpc_id:
            raise AwsError(
                "InvalidParameter",
                f"Security group {group_id} and subnet {subnet_id} belong to "
                "different networks.",
            )
    address = request.get("PrivateIpAddress") or nic.get("PrivateIpAddress")
    if address and subnet is not None:
        _address(address, subnet, pool_of(subnet), count)
    return subnet, zone


def _subnet(backend: Any, subnet_id: str) -> Any:
    for by_zone in backend.subnets.values():
        if subnet_id in by_zone:
            return by_zone[subnet_id]
    raise AwsError(
        "InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist"
    )


def _address(address: str, subnet: Any, pool: Any, count: int) -> None:
    try:
        inside = ipaddress.ip_address(address) in ipaddress.ip_network(
            subnet.cidr_block
        )
    except ValueError:
        inside = False
    if not inside:
        raise AwsError(
            "InvalidParameterValue",
            f"Address {address} does not fall within the subnet's address range",
        )
    if count > 1:
        raise AwsError(
            "InvalidParameterCombination",
            "An address cannot be given to more than one instance",
        )
    if pool is not None and pool.in_use(address):
        raise AwsError("InvalidIPAddress.InUse", f"Address {address} is in use.")


def _offered(instance_type: str, zone: str, region: str) -> None:
    rows = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, [])
    zones = [r["Location"] for r in rows if r["InstanceType"] == instance_type]
    if zones and zone not in zones:
        raise AwsError(
            "Unsupported",
            f"Your requested instance type ({instance_type}) is not supported in your "
            f"requested Availability Zone ({zone}). Please retry your request by not "
            "specifying an Availability Zone or choosing "
            f"{', '.join(sorted(zones))}.",
        )


def _spot(request: ApiRequest) -> None:
    options = "InstanceMarketOptions.SpotOptions"
    kind = request.get(f"{options}.SpotInstanceType") or "one-time"
    ending = request.get(f"{options}.InstanceInterruptionBehavior") or "terminate"
    if kind == "one-time" and ending != "terminate":
        raise AwsError(
            "InvalidParameterCombination",
            f"The request with type '{kind}' is not supported when "
            f"instanceInterruptionBehavior is set to '{ending}'.",
        )


def check_profile(request: ApiRequest) -> None:
    """Refuse an IAM instance profile that there is not."""
    name = request.get("IamInstanceProfile.Name")
    arn = request.get("IamInstanceProfile.Arn")
    if not (name or arn):
        return
    from moto.iam.models import iam_backends

    from ..world.seed import ACCOUNT

    profiles = iam_backends[ACCOUNT]["aws"].instance_profiles.values()
    if not any(name == p.name or arn == p.arn for p in profiles):
        kind, value = ("name", name) if name else ("arn", arn)
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({value}) for parameter iamInstanceProfile.{kind} is invalid. "
            f"Invalid IAM Instance Profile {kind}",
        )
