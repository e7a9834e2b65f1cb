"""The world a local EC2 begins with: network, images, a parameter."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from ..machines.substrate import Network
from ..resources import Resources

#: the account that owns everything, and that every credential belongs to
ACCOUNT = "123456789012"
IMAGE_NAME = "ec2spawner-demo-jupyter-2026.11"
PARAMETER = "/ec2spawner/demo/jupyter/x86_64"
KEY_NAME = "ec2spawner-demo"
ROOT_DEVICE = "/dev/xvda"
ROOT_SIZE = 8  # GiB


#: ids of the images of the first Region; those of others end like them
_IMAGE_IDS = {"x86_64": "ami-0ec25a0000000086a", "arm64": "ami-0ec25a00000000a64"}


def plant(region: str, network: Network, number: int = 0) -> Resources:
    """Fill moto's empty account in one Region.

    :param number: of the Region, from 0: no two have addresses in common
    """
    from moto.ec2.models import ec2_backends
    from moto.ec2.models.amis import Ami
    from moto.ssm.models import ssm_backends

    backend = ec2_backends[ACCOUNT][region]
    _remove_default_vpc(backend)
    vpc = backend.create_vpc(network.cidr, is_default=True)
    backend.default_vpc = vpc
    zones = [zone.name for zone in backend.describe_availability_zones()][:3]
    subnets = {}
    for index, zone in enumerate(zones):
        subnet = backend.create_subnet(
            vpc.id, network.subnet_cidr(3 * number + index), availability_zone=zone
        )
        subnet.default_for_az = True
        # Unlike AWS's default subnets: no public address unless asked for.
        subnet.map_public_ip_on_launch = False
        subnets[zone] = subnet.id
    group, hub_group = _groups(backend, vpc, network, subnets[zones[0]])
    images = {}
    for architecture, first_id in _IMAGE_IDS.items():
        image_id = f"{first_id[:8]}{number}{first_id[9:]}"
        image = Ami(
            backend,
            image_id,
            name=IMAGE_NAME if architecture == "x86_64" else f"{IMAGE_NAME}-arm64",
            description=f"JupyterLab on a local machine ({architecture})",
            owner_id=ACCOUNT,
            public=False,
            virtualization_type="hvm",
            architecture=architecture,
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name=ROOT_DEVICE,
            image_location=f"{ACCOUNT}/{IMAGE_NAME}",
            region_name=zones[0],
        )
        image.ebs_snapshot.gib = ROOT_SIZE
        backend.amis[image_id] = image
        images[architecture] = image_id
    ssm_backends[ACCOUNT][region].put_parameter(
        name=PARAMETER,
        description="The newest demo image",
        value=images["x86_64"],
        parameter_type="String",
        allowed_pattern="",
        keyid="",
        overwrite=False,
        tags=[],
        data_type="text",
        tier=None,
        policies=None,
    )
    backend.create_key_pair(KEY_NAME, "ed25519", {})
    return Resources(
        region=region,
        zones=zones,
        vpc_id=vpc.id,
        vpc_cidr=network.cidr,
        subnet_ids=subnets,
        security_group_id=group.id,
        hub_security_group_id=hub_group.id,
        image_id=images["x86_64"],
        image_id_arm=images["arm64"],
        image_name=IMAGE_NAME,
        image_owner=ACCOUNT,
        image_parameter=PARAMETER,
        key_name=KEY_NAME,
        hub_address=network.hub_address,
    )


def _groups(
    backend: Any, vpc: Any, network: Network, subnet_id: str
) -> tuple[Any, Any]:
    """Security groups as the tutorial makes them on AWS: of machines, of the Hub."""
    machines = backend.create_security_group(
        "ec2spawner-demo", "Machines of the demo", vpc_id=vpc.id
    )
    hub = backend.create_security_group(
        "ec2spawner-demo-hub", "The computer of the Hub", vpc_id=vpc.id
    )
    admit = backend.authorize_security_group_ingress
    admit(machines.id, "tcp", "8888", "8888", [], source_groups=[{"GroupId": hub.id}])
    # The Hub's port is anybody's choice.
    admit(hub.id, "tcp", "0", "65535", [{"CidrIp": network.cidr}])
    # moto's lets nobody in.
    default = backend.get_default_security_group(vpc.id)
    admit(default.id, "-1", None, None, [], source_groups=[{"GroupId": default.id}])
    if ip_address(network.hub_address) in ip_network(network.cidr):
        backend.create_network_interface(
            backend.get_subnet(subnet_id),
            network.hub_address,
            group_ids=[hub.id],
            description="The computer of the Hub",
        )
    return machines, hub


def _remove_default_vpc(backend: Any) -> None:
    """moto's default VPC has addresses that no machine here can have."""
    vpc = backend.get_default_vpc()
    if vpc is None:
        return
    for subnet in backend.describe_subnets(filters={"vpc-id": vpc.id}):
        backend.delete_subnet(subnet.id)
    for group in list(backend.groups[vpc.id].values()):
        if group.name != "default":
            backend.delete_security_group(group_id=group.id)
    backend.delete_vpc(vpc.id)
