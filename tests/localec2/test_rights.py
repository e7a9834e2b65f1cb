"""What a policy allows, the local EC2 does, and nothing else."""

from __future__ import annotations

import pytest

from localec2.requests.policy import Subject, refused

from .conftest import refused as refusal

MACHINE = "arn:aws:ec2:us-west-2:123456789012:instance/i-1"


def allowed(condition=None, context=None, action="ec2:X", resource="*", effect="Allow"):
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    statement |= {"Condition": condition} if condition else {}
    policy = {"Statement": [statement]}
    return refused(policy, [Subject("ec2:X", MACHINE, context or {})]) is None


def test_a_statement_allows_its_actions_on_its_resources():
    assert allowed() and allowed(action=["ec2:Y", "ec2:*"])
    assert allowed(resource=["arn:aws:ec2:*:*:instance/*"])
    assert not allowed(action="ec2:Y") and not allowed(effect="Deny")
    assert not allowed(resource="arn:aws:ec2:*:*:volume/*")
    no = {"Statement": {"Effect": "Deny", "Action": "ec2:X", "Resource": "*"}}
    both = {"Statement": [no["Statement"], {**no["Statement"], "Effect": "Allow"}]}
    assert refused(both, [Subject("ec2:X", MACHINE)]) is not None
    assert refused({}, [Subject("ec2:X", MACHINE)]) is not None


@pytest.mark.parametrize(
    "condition, context, holds",
    [
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
        ({"StringEquals": {"k": "a"}}, {"k": "b"}, False),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"k": "a"}}, {"k": "b"}, False),
        ({"StringLike": {"k": "a*"}}, {"k": "abc"}, True),
        ({"ArnLikeIfExists": {"k": ["arn:*"]}}, {"k": "arn:x"}, True),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "true"}}, {"k": "x"}, False),
        ({"Null": {"k": "false"}}, {"k": "x"}, True),
        ({"Bool": {"k": "true"}}, {"k": "True"}, True),
        ({"Bool": {"k": "true"}}, {"k": "false"}, False),
        ({"NumericLessThanEquals": {"k": "8"}}, {"k": "8"}, True),
        ({"NumericLessThanEquals": {"k": "8"}}, {"k": "10"}, False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ["a"]}, True),
        ({"ForAllValues:StringEquals": {"k": ["a"]}}, {"k": ["a", "c"]}, False),
        ({"ForAllValues:StringEquals": {"k": ["a"]}}, {}, True),
        ({"IpAddress": {"k": "10.0.0.0/8"}}, {"k": "10.0.0.1"}, False),
        ({"StringEquals": {"k": "a"}, "Bool": {"b": "true"}}, {"k": "a"}, False),
    ],
)
def test_conditions_hold_as_iam_says(condition, context, holds):
    assert allowed(condition, context) is holds


@pytest.mark.proves("rights")
def test_what_no_statement_allows_is_refused_with_its_resource(cloud, ec2, launch):
    made = launch()["InstanceId"]
    own = {
        "Effect": "Allow",
        "Action": ["ec2:TerminateInstances", "ec2:CreateTags"],
        "Resource": "*",
        "Condition": {"StringEquals": {"ec2:ResourceTag/hub": "mine"}},
    }
    look = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
    ec2.create_tags(Resources=[made], Tags=[{"Key": "hub", "Value": "theirs"}])
    cloud.control.change_settings(policy={"Statement": [own, look]})
    try:
        code, status, words = refusal(ec2.terminate_instances, InstanceIds=[made])
        assert (code, status) == ("UnauthorizedOperation", 403)
        assert "ec2:TerminateInstances on resource: arn:aws:ec2:us-west-2:" in words
        assert ec2.describe_instances(InstanceIds=[made])["Reservations"]
        assert refusal(ec2.stop_instances, InstanceIds=[made])[0] == code
    finally:
        cloud.control.change_settings(policy={})
