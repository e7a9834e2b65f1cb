"""``ec2spawner doctor`` and what the account lacks, or an organization forbids."""

from __future__ import annotations

import shlex

import boto3

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
