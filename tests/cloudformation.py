"""The template of `ec2spawner init`, made on a local EC2 by unmodified boto3.

No CloudFormation, but as much of it as this template uses.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import yaml

from ec2spawner.core.tags import HUB_TAG, IMAGE_TAG, READY, STATUS_TAG
from localec2 import LocalCloudProcess

Properties = dict[str, Any]
#: "" for Ref, ".Attribute" for GetAtt
Names = dict[str, Any]
Maker = Callable[[Properties], Names]

#: what needs a computer of the hub that boots
OF_THE_COMPUTER = ("AWS::CloudFormation::WaitCondition",)
NETWORK = (
    *("AWS::EC2::InternetGateway", "AWS::EC2::VPCGatewayAttachment"),
    *("AWS::EC2::RouteTable", "AWS::EC2::Route", "AWS::EC2::EIP"),
    *("AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::EIPAssociation"),
)


def resolved(value: Any, names: dict[str, Any]) -> Any:
    """With the values of the functions that the template uses.

    :raises KeyError: for a name that has no value
    """
    if isinstance(value, list):
        return [resolved(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    match list(value.items()):
        case [("Ref", name)]:
            return names[name]
        case [("Fn::GetAtt", [name, attribute])]:
            return names[f"{name}.{attribute}"]
        case [("Fn::GetAZs", "")]:
            return names["AWS::Zones"]
        case [("Fn::Select", [number, inside])]:
            return resolved(inside, names)[number]
        case [("Fn::Base64", inside)]:
            return resolved(inside, names)
        case [("Fn::Sub", text)]:
            return substituted(text, names)
    return {key: resolved(each, names) for key, each in value.items()}


def substituted(text: str, names: dict[str, Any]) -> str:
    """CloudFormation user guide, "Fn::Sub": ``${!x}`` becomes ``${x}``."""
    done = ""
    while "${" in text:
        before, _, rest = text.partition("${")
        name, _, text = rest.partition("}")
        literal = name.startswith("!")
        done += before + ("${" + name[1:] + "}" if literal else str(names[name]))
    return done + text


@contextmanager
def image_of_hub(cloud: LocalCloudProcess, hub_id: str, name: str) -> Iterator[str]:
    """In place of `ec2spawner image build`: the image that is there, as a hub's own."""
    api, world = client(cloud, "ec2"), cloud.control.resources()
    made = str(
        api.copy_image(
            Name=f"ec2spawner/{name}/0",
            SourceImageId=world.image_id,
            SourceRegion=world.region,
        )["ImageId"]
    )
    api.get_waiter("image_available").wait(ImageIds=[made], WaiterConfig={"Delay": 1})
    tags = {HUB_TAG: hub_id, IMAGE_TAG: name, STATUS_TAG: READY}
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    api.create_tags(Resources=[made], Tags=pairs)
    yield made
    if api.describe_images(Filters=[{"Name": "image-id", "Values": [made]}])["Images"]:
        api.deregister_image(ImageId=made)


def client(cloud: LocalCloudProcess, service: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, cloud.region, endpoint_url=cloud.endpoint_url, **keys)


class Stack:
    """What a template has made. ``delete()`` takes it away again.

    :ivar names: what Ref and GetAtt give, by the names that they take
    :ivar hub: the properties of the hub's computer, user-data included
    :ivar rights: the policy that ec2spawner has made, of the role of that computer
    """

    #: where the hub's computer says that the hub answers
    ready_url = "http://ready/"

    def __init__(
        self, cloud: LocalCloudProcess, text: str, parameters: dict[str, str]
    ) -> None:
        template = yaml.safe_load(text)
        self.ec2, self._iam = client(cloud, "ec2"), client(cloud, "iam")
        self._world = cloud.control.resources()
        self._undo: list[Callable[[], Any]] = []
        self.hub: dict[str, Any] = {}
        self.rights: dict[str, Any] = {}
        defaults = {k: p.get("Default") for k, p in template["Parameters"].items()}
        self.names: dict[str, Any] = {
            **{name: value for name, value in defaults.items() if value is not None},
            **parameters,
            "AWS::AccountId": "123456789012",
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::Zones": self._world.zones,
        }
        self._makers = self.makers()
        self._make(template["Resources"])
        self.outputs = {
            name: resolved(output["Value"], self.names)
            for name, output in template["Outputs"].items()
        }

    def _make(self, resources: dict[str, Any]) -> None:
        """Each as soon as what it names is there."""
        while resources:
            left = {}
            for name, resource in resources.items():
                try:
                    properties = resolved(resource.get("Properties", {}), self.names)
                except KeyError:
                    left[name] = resource
                    continue
                self._make_one(name, resource["Type"], properties)
            assert len(left) < len(resources), f"these wait for each other: {left}"
            resources = left

    def _make_one(self, name: str, kind: str, properties: dict[str, Any]) -> None:
        made = self._makers[kind]({"name": name, **properties})
        for attribute, value in made.items():
            self.names[name + attribute] = value

    def makers(self) -> dict[str, Maker]:
        """Kind -> what makes one of its properties, and gives its Ref and GetAtts."""
        return {kind: self._there for kind in OF_THE_COMPUTER} | {
            "AWS::EC2::VPC": self._vpc,
            "AWS::EC2::InternetGateway": self._gateway,
            "AWS::EC2::VPCGatewayAttachment": self._gateway_attachment,
            "AWS::EC2::RouteTable": self._routes,
            "AWS::EC2::Route": self._route,
            "AWS::EC2::Subnet": self._subnet,
            "AWS::EC2::SubnetRouteTableAssociation": self._subnet_routes,
            "AWS::EC2::SecurityGroup": self._group,
            "AWS::EC2::SecurityGroupIngress": self._ingress,
            "AWS::IAM::Role": self._role,
            "AWS::IAM::InstanceProfile": self._profile,
            "AWS::EC2::Volume": self._volume,
            "AWS::EC2::NetworkInterface": self._interface,
            "AWS::EC2::EIP": self._address,
            "AWS::EC2::EIPAssociation": self._address_association,
            "AWS::EC2::Instance": self._computer,
            "AWS::CloudFormation::WaitConditionHandle": lambda _: {"": self.ready_url},
        }

    def _there(self, properties: Properties) -> Names:
        name = f"{properties['name']}-that-is-there"
        return {"": name, ".AllocationId": name}

    def _vpc(self, properties: Properties) -> Names:
        made = self.ec2.create_vpc(CidrBlock=properties["CidrBlock"])["Vpc"]["VpcId"]
        self._undo.append(lambda: self.ec2.delete_vpc(VpcId=made))
        return {"": made}

    def _gateway(self, _: Properties) -> Names:
        made = self.ec2.create_internet_gateway()["InternetGateway"]
        words = {"InternetGatewayId": made["InternetGatewayId"]}
        self._undo.append(lambda: self.ec2.delete_internet_gateway(**words))
        return {"": made["InternetGatewayId"]}

    def _gateway_attachment(self, properties: Properties) -> Names:
        words = {k: properties[k] for k in ("VpcId", "InternetGatewayId")}
        self.ec2.attach_internet_gateway(**words)
        self._undo.append(lambda: self.ec2.detach_internet_gateway(**words))
        return {"": "attachment"}

    def _routes(self, properties: Properties) -> Names:
        made = self.ec2.create_route_table(VpcId=properties["VpcId"])["RouteTable"]
        words = {"RouteTableId": made["RouteTableId"]}
        self._undo.append(lambda: self.ec2.delete_route_table(**words))
        return {"": made["RouteTableId"]}

    def _route(self, properties: Properties) -> Names:
        names = ("RouteTableId", "DestinationCidrBlock", "GatewayId")
        self.ec2.create_route(**{k: properties[k] for k in names})
        return {"": "route"}

    def _subnet(self, properties: Properties) -> Names:
        names = ("VpcId", "CidrBlock", "AvailabilityZone")
        made = self.ec2.create_subnet(**{k: properties[k] for k in names})["Subnet"]
        self._undo.append(lambda: self.ec2.delete_subnet(SubnetId=made["SubnetId"]))
        return {
            "": made["SubnetId"],
            ".AvailabilityZone": made["AvailabilityZone"],
        }

    def _subnet_routes(self, properties: Properties) -> Names:
        words = {k: properties[k] for k in ("SubnetId", "RouteTableId")}
        made = self.ec2.associate_route_table(**words)["AssociationId"]
        self._undo.append(lambda: self.ec2.disassociate_route_table(AssociationId=made))
        return {"": made}

    def _interface(self, properties: Properties) -> Names:
        made = self.ec2.create_network_interface(
            SubnetId=properties["SubnetId"], Groups=properties["GroupSet"]
        )["NetworkInterface"]
        words = {"NetworkInterfaceId": made["NetworkInterfaceId"]}
        self._undo.append(lambda: self.ec2.delete_network_interface(**words))
        return {
            "": made["NetworkInterfaceId"],
            ".PrimaryPrivateIpAddress": made["PrivateIpAddress"],
        }

    def _address(self, properties: Properties) -> Names:
        made = self.ec2.allocate_address(Domain=properties["Domain"])
        words = {"AllocationId": made["AllocationId"]}
        self._undo.append(lambda: self.ec2.release_address(**words))
        return {"": made["PublicIp"], ".AllocationId": made["AllocationId"]}

    def _address_association(self, properties: Properties) -> Names:
        words = {k: properties[k] for k in ("AllocationId", "NetworkInterfaceId")}
        made = self.ec2.associate_address(**words)["AssociationId"]
        self._undo.append(lambda: self.ec2.disassociate_address(AssociationId=made))
        return {"": made}

    def _group(self, properties: Properties) -> Names:
        group = self.ec2.create_security_group(
            GroupName=f"stack-{properties['name']}",
            Description=properties["GroupDescription"],
            VpcId=properties["VpcId"],
        )["GroupId"]
        self._undo.append(lambda: self.ec2.delete_security_group(GroupId=group))
        for rule in properties.get("SecurityGroupIngress", ()):
            self._ingress({"GroupId": group, **rule})
        return {"": group}

    def _ingress(self, properties: Properties) -> Names:
        rule = {k: properties[k] for k in ("IpProtocol", "FromPort", "ToPort")}
        if "CidrIp" in properties:
            rule["IpRanges"] = [{"CidrIp": properties["CidrIp"]}]
        else:
            source = properties["SourceSecurityGroupId"]
            rule["UserIdGroupPairs"] = [{"GroupId": source}]
        words = {"GroupId": properties["GroupId"], "IpPermissions": [rule]}
        self.ec2.authorize_security_group_ingress(**words)
        self._undo.append(lambda: self.ec2.revoke_security_group_ingress(**words))
        return {"": "sgr"}

    def _role(self, properties: Properties) -> Names:
        name = f"stack-{properties['name']}"
        trust = json.dumps(properties["AssumeRolePolicyDocument"])
        self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        self._undo.append(lambda: self._iam.delete_role(RoleName=name))
        self.rights = properties["Policies"][0]["PolicyDocument"]
        for policy in properties["Policies"]:
            words = {"RoleName": name, "PolicyName": policy["PolicyName"]}
            document = json.dumps(policy["PolicyDocument"])
            self._iam.put_role_policy(**words, PolicyDocument=document)
            self._undo.append(lambda w=words: self._iam.delete_role_policy(**w))
        return {"": name}

    def _profile(self, properties: Properties) -> Names:
        words = {"InstanceProfileName": f"stack-{properties['name']}"}
        self._iam.create_instance_profile(**words)
        self._undo.append(lambda: self._iam.delete_instance_profile(**words))
        [role] = properties["Roles"]
        pair = {**words, "RoleName": role}
        self._iam.add_role_to_instance_profile(**pair)
        self._undo.append(lambda: self._iam.remove_role_from_instance_profile(**pair))
        return {"": words["InstanceProfileName"]}

    def _volume(self, properties: Properties) -> Names:
        wanted = ("AvailabilityZone", "Encrypted", "Size", "VolumeType")
        made = self.ec2.create_volume(**{k: properties[k] for k in wanted})
        volume = made["VolumeId"]
        self._undo.append(lambda: self.ec2.delete_volume(VolumeId=volume))
        return {"": volume}

    def _computer(self, properties: Properties) -> Names:
        self.hub = properties
        return {"": "i-of-this-computer"}

    @property
    def user_data(self) -> str:
        """Of the hub's computer. EC2 is sent it in base64, which it may not exceed."""
        text = str(self.hub["UserData"])
        assert len(base64.b64encode(text.encode())) <= 4 * 16_384 / 3 + 4
        return text

    def file(self, name: str) -> str:
        """What the user-data writes into the hub's folder under this name."""
        _, _, rest = self.user_data.partition(f"/srv/jupyterhub/{name} <<'")
        end, _, text = rest.partition("'\n")
        return text.partition(f"{end}\n")[0]

    def delete(self) -> None:
        """In the opposite order, as CloudFormation does."""
        while self._undo:
            self._undo.pop()()


class HereStack(Stack):
    """In the network that the local EC2 has, where machines can run. The hub's computer
    is this one."""

    def makers(self) -> dict[str, Maker]:
        self._subnets = iter(self._world.subnet_ids.items())
        return (
            super().makers()
            | {kind: self._there for kind in NETWORK}
            | {
                "AWS::EC2::VPC": lambda _: {"": self._world.vpc_id},
                "AWS::EC2::Subnet": self._next_subnet,
                "AWS::EC2::NetworkInterface": self._here,
            }
        )

    def _next_subnet(self, _: Properties) -> Names:
        zone, subnet = next(self._subnets)
        return {"": subnet, ".AvailabilityZone": zone}

    def _here(self, properties: Properties) -> Names:
        address = self._world.hub_address
        return {**self._there(properties), ".PrimaryPrivateIpAddress": address}
