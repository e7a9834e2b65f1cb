from dataclasses import replace

import pytest

from ec2spawner.admin.doctor.look.facts import Unknown
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.doctor.rows.credentials import clock, credentials
from ec2spawner.ec2.account.identity import Identity

from ..well import FACTS, HERE, REGION, ROLE, one, told, wants


def by(arn, skew=0.0, **changes):
    return replace(FACTS, identity=Identity(arn, "111122223333", skew), **changes)


def test_a_role_and_a_clock_that_are_well():
    assert told(credentials) == told(clock) == []
    (check,) = credentials(wants(), FACTS)
    assert check.says == f"{ROLE} (iam-role)"


@pytest.mark.parametrize(
    "arn, says",
    [
        ("arn:aws:iam::111122223333:root", "the AWS account's own"),
        ("arn:aws:iam::111122223333:user/ada", "a user's keys"),
    ],
)
def test_keys_that_never_end_are_told(arn, says):
    verdict, text, fix = one(credentials, facts=by(arn))
    assert verdict is Verdict.WARNING and says in text and "iam-instance-profile" in fix


def test_those_of_a_local_ec2_are_anybodys():
    local = wants(
        endpoint_url="http://127.0.0.1:5000",
        hub={"endpoint_url": "http://127.0.0.1:5000"},
    )
    assert told(credentials, local, by("arn:aws:sts::1:user/local")) == []


def test_a_region_of_another_partition_is_a_problem():
    verdict, says, _ = one(credentials, facts=by(ROLE.replace("aws:", "aws-cn:")))
    assert verdict is Verdict.PROBLEM
    assert says == f"The credentials are of the partition aws-cn, and {HERE} is in aws."
    nowhere = replace(FACTS, regions={"mars": replace(REGION, name="mars")})
    assert one(credentials, facts=nowhere)[1] == "AWS has no region 'mars'."


def test_a_proxy_before_the_metadata_service_is_told():
    set_ = {"https_proxy": "http://proxy:3128", "no_proxy": "localhost"}
    verdict, says, fix = one(credentials, facts=replace(FACTS, environment=set_))
    assert verdict is Verdict.WARNING and "169.254.169.254" in says and "export" in fix
    spared = {**set_, "no_proxy": "localhost, 169.254.169.254"}
    assert told(credentials, facts=replace(FACTS, environment=spared)) == []


@pytest.mark.parametrize(
    "skew, verdict",
    [
        (59.0, Verdict.OK),
        (-61.0, Verdict.WARNING),
        (299.0, Verdict.WARNING),
        (301.0, Verdict.PROBLEM),
        (-301.0, Verdict.PROBLEM),
        (None, Verdict.UNKNOWN),
    ],
)
def test_a_clock_that_is_off_is_told(skew, verdict):
    (check,) = clock(wants(), by(ROLE, skew))
    assert check.verdict is verdict


def test_who_is_not_known_is_not_judged():
    nobody = replace(FACTS, identity=Unknown("STS does not answer from here"))
    assert one(credentials, facts=nobody)[0] is Verdict.UNKNOWN
    assert told(clock, facts=nobody) == []
