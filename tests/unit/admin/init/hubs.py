"""Hubs as admins want them, and templates as CloudFormation reads them."""

import yaml

from ec2spawner.admin.init.answers import Answers
from ec2spawner.admin.init.config import config_of
from ec2spawner.admin.init.stack import stack_of

HUB = Answers(
    region="eu-central-1",
    name="lab-hub",
    domain="",
    users=("ada", "grace"),
    types=("t3.medium", "m7i.xlarge"),
    budget=150,
    home_size=20,
    idle_minutes=60,
)
ACCOUNT = "111122223333"
#: what CloudFormation knows once it has made things
NAMES = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "SubnetA": "subnet-0aaaaaaaaaaaaaaaa",
    "SubnetB": "subnet-0bbbbbbbbbbbbbbbb",
    "MachinesGroup": "sg-0aaaaaaaaaaaaaaaa",
    "HubInterface.PrimaryPrivateIpAddress": "10.0.7.7",
    "HubData": "vol-0aaaaaaaaaaaaaaaa",
    "HubReadyHandle": "https://cloudformation.example/ready?signature=x%2B",
    "Package": "ec2spawner[image]==9.9",
}


def stack(hub=HUB):
    return stack_of(config_of(hub))


def template(hub=HUB):
    return yaml.safe_load(stack(hub).template)


def resolved(value, names=NAMES):
    """With the values of Ref, Fn::GetAtt, Fn::Sub and Fn::Base64."""
    if isinstance(value, list):
        return [resolved(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    match list(value.items()):
        case [("Ref", name)]:
            return names[name]
        case [("Fn::GetAtt", [name, attribute])]:
            return names[f"{name}.{attribute}"]
        case [("Fn::Base64", inside)]:
            return resolved(inside, names)
        case [("Fn::Sub", text)]:
            return substituted(text, names)
    return {key: resolved(each, names) for key, each in value.items()}


def substituted(text, names=NAMES):
    """CloudFormation user guide, "Fn::Sub": ``${!x}`` stays, as ``${x}``."""
    done = ""
    while "${" in text:
        before, _, rest = text.partition("${")
        name, _, text = rest.partition("}")
        literal = name.startswith("!")
        done += before + ("${" + name[1:] + "}" if literal else str(names[name]))
    return done + text


def user_data(hub=HUB):
    properties = template(hub)["Resources"]["HubMachine"]["Properties"]
    return resolved(properties["UserData"])
