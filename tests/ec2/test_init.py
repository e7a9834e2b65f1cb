"""The template of ``ec2spawner init``, made on a local EC2, as ``doctor`` sees it."""

import boto3
import pytest

from ec2spawner.admin.doctor import app as doctor
from ec2spawner.admin.doctor.look import ask as asking
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.hub_config import read_hub
from ec2spawner.admin.init.answers import Answers
from ec2spawner.admin.init.config import config_of
from ec2spawner.admin.init.stack import stack_of
from tests.cloudformation import Stack, image_of_hub


def vpcs(cloud):
    client = boto3.client("ec2", region_name=cloud.region)
    return [vpc["VpcId"] for vpc in client.describe_vpcs()["Vpcs"]]


@pytest.fixture
def stack(cloud, ec2, monkeypatch):
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    before = vpcs(cloud)
    users, sizes = ("ada",), ("t3.medium", "m7i.xlarge")
    hub = Answers(cloud.region, "lab-hub", "", users, sizes, 100, 20, 60)
    image = {"HubImage": ec2.resources().image_id}
    made = Stack(cloud, stack_of(config_of(hub)).template, image)
    yield made
    made.delete()
    assert vpcs(cloud) == before


@pytest.fixture
def image(cloud):
    with image_of_hub(cloud, "lab-hub", "lab") as made:
        yield made


def test_doctor_finds_nothing_wrong_with_what_the_template_has_made(
    stack, image, ec2, tmp_path, monkeypatch
):
    """The configuration is as the hub's computer has it, and nothing is added."""
    for name in ("aws.json", "jupyterhub_config.py"):
        (tmp_path / name).write_text(stack.file(name))
    monkeypatch.setattr(asking, "is_here", lambda address: True)
    ec2.change_settings(policy=stack.rights)
    checks = doctor.examine(read_hub(tmp_path / "jupyterhub_config.py"))
    bad = [c for c in checks if c.verdict in (Verdict.PROBLEM, Verdict.WARNING)]
    # A hub has a role in place of keys.
    assert [check.name for check in bad] == ["credentials"], bad
    ec2.change_settings(policy={})
    assert {check.name for check in checks if check.verdict is Verdict.OK} >= {
        *("configuration", "hub-address", "subnets", "routes", "dns"),
        *("security-groups", "image", "sizes", "quota", "rights", "policy"),
    }
