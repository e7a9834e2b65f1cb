"""Hubs as admins want them, and templates as CloudFormation reads them."""

import yaml

from ec2spawner.admin.init.answers import Answers
from ec2spawner.admin.init.config import config_of
from ec2spawner.admin.init.stack import stack_of
from tests.cloudformation import resolved

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
    "Package": "ec2spawner[identity,image]==9.9",
}


def stack(hub=HUB):
    return stack_of(config_of(hub))


def template(hub=HUB):
    return yaml.safe_load(stack(hub).template)


def user_data(hub=HUB):
    properties = template(hub)["Resources"]["HubMachine"]["Properties"]
    return resolved(properties["UserData"], NAMES)
