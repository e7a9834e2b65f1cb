"""A network as the tutorial makes it, and a hub's configuration in it.

A VPC with two subnets, a group for the Hub's computer and one for machines.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3

from ec2spawner.admin.hub_config import read_hub

CONFIG = """
import json
import ec2spawner
c = get_config()
ec2spawner.setup(c, idle_timeout=3600)
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.subdomain_host = "https://hub.example.org"
c.JupyterHub.hub_ip = "0.0.0.0"
for name, value in json.loads({hub!r}).items():
    setattr(c.JupyterHub, name, value)
for name, value in json.loads({spawner!r}).items():
    setattr(c.EC2Spawner, name, value)
"""


@dataclass
class Network:
    """What an admin has made before the hub."""

    client: Any
    vpc: str
    subnets: list[str]
    machines: str
    hub: str
    address: str
    table: str
    gateway: str


def make_network(region):
    client = boto3.client("ec2", region_name=region)
    vpc = client.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        client.create_subnet(
            VpcId=vpc, CidrBlock=f"10.7.{n}.0/24", AvailabilityZone=region + zone
        )["Subnet"]["SubnetId"]
        for n, zone in enumerate("ab")
    ]
    machines, hub = (
        client.create_security_group(GroupName=name, Description=name, VpcId=vpc)[
            "GroupId"
        ]
        for name in ("machines", "hub")
    )
    admit(client, machines, 8888, hub)
    admit(client, hub, 8081, machines)
    interface = client.create_network_interface(SubnetId=subnets[0], Groups=[hub])[
        "NetworkInterface"
    ]
    gateway = client.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    client.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    (table,) = client.describe_route_tables(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}]
    )["RouteTables"]
    made = Network(
        client,
        vpc,
        subnets,
        machines,
        hub,
        interface["PrivateIpAddress"],
        table["RouteTableId"],
        gateway,
    )
    client.create_route(
        RouteTableId=made.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
    )
    return made


def admit(client, group, port, source):
    client.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[permission(port, source)]
    )


def permission(port, source):
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "UserIdGroupPairs": [{"GroupId": source}],
    }


def make_hub(path, cloud, network, hub=None, **spawner):
    """Write a configuration, and read it as the commands do."""
    settings = {
        "hub_id": "doctored",
        "region": cloud.region,
        "endpoint_url": cloud.endpoint_url,
        "image": cloud.control.resources().image_id,
        "subnets": network.subnets,
        "security_groups": [network.machines],
        "instance_type": "t3.small",
        "public_ip": True,
        "home": "user",
        **spawner,
    }
    urls = {"hub_connect_ip": network.address, **(hub or {})}
    path.write_text(CONFIG.format(hub=json.dumps(urls), spawner=json.dumps(settings)))
    return read_hub(path)
