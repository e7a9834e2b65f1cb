"""``ec2spawner doctor`` and what the account lacks, or an organization forbids."""

from __future__ import annotations

import shlex
from datetime import datetime

import boto3
from jupyterhub import orm

from ec2spawner.core.tags import HUB_TAG, LEASE_TAG, lease_text
from ec2spawner.ec2.account import identity
from localec2 import Fault

from .test_doctor import examine


def test_the_free_plan_is_told_and_upgraded(hub, ec2):
    ec2.change_settings(free_plan=True)
    found = [c for c in examine(hub(instance_type="m7i.large")) if c.name == "plan"]
    assert [c.says for c in found] == [
        "The account is on AWS's free plan, which does not have m7i.large."
    ]
    assert "aws freetier upgrade-account-plan " in found[0].fix
    boto3.client("freetier").upgrade_account_plan(accountPlanType="PAID")
    assert examine(hub(instance_type="m7i.large")) == []


def test_an_account_without_awss_role_for_spot_is_told_and_gets_it(hub):
    (check,) = examine(hub(market="spot"))
    assert check.name == "spot" and "no AWSServiceRoleForEC2Spot" in check.says
    words = shlex.split(check.fix)
    assert words[:3] == ["aws", "iam", "create-service-linked-role"]
    iam = boto3.client("iam")
    iam.create_service_linked_role(AWSServiceName=words[4])
    assert examine(hub(market="spot")) == []
    iam.delete_role(RoleName="AWSServiceRoleForEC2Spot")


def test_what_an_organization_forbids_is_told_as_its_and_not_the_roles(hub, ec2):
    denied = (
        "You are not authorized to perform this operation. User: "
        "arn:aws:sts::123456789012:assumed-role/hub/i-1 is not authorized to perform: "
        "ec2:CreateVolume on resource: arn:aws:ec2:us-west-2:123456789012:volume/* "
        "with an explicit deny in a service control policy"
    )
    ec2.add_fault(Fault("CreateVolume", error=("UnauthorizedOperation", 403, denied)))
    (check,) = examine(hub())
    assert check.name == "rights" and "A service control policy forbids it" in check.why
    assert "--filter SERVICE_CONTROL_POLICY" in check.fix
    ec2.clear_faults()
    assert examine(hub()) == []


def test_a_clock_that_aws_refuses_is_told(hub, monkeypatch):
    monkeypatch.setattr(identity, "_skew", lambda answer, now: -400.0)
    (check,) = examine(hub())
    assert check.name == "clock" and "400 s behind AWS's" in check.says
    assert check.verdict.value == "problem" and check.fix.startswith("sudo timedatectl")
    monkeypatch.undo()


def test_a_database_that_cannot_be_read_is_told(hub, tmp_path):
    broken = tmp_path / "hub.sqlite"
    broken.write_text("no database at all, and long enough to be taken for one" * 99)
    made = hub(hub={"db_url": f"sqlite:///{broken}"})
    (check,) = examine(made)
    assert check.name == "database" and "cannot be read" in check.says
    broken.unlink()
    assert examine(made) == []


def test_a_machine_that_nobody_owns_is_told_until_it_is_ended(
    hub, network, ec2, tmp_path
):
    url = f"sqlite:///{tmp_path / 'hub.sqlite'}"
    with orm.new_session_factory(url)() as db:
        # A database speaks of what was launched since it had its first user.
        db.add(orm.User(name="ada", created=datetime(2020, 1, 1)))
        db.commit()
    tags = {HUB_TAG: "doctored", LEASE_TAG: lease_text(1e9)}
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    machine = network.client.run_instances(
        ImageId=ec2.resources().image_id,
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": pairs}],
    )["Instances"][0]["InstanceId"]
    made = hub(hub={"db_url": url})
    (check,) = examine(made)
    assert check.name == "leftovers" and f"{machine} is nobody's." == check.says
    assert check.fix == "ec2spawner sweep --dry-run"
    network.client.terminate_instances(InstanceIds=[machine])
    assert examine(made) == []
