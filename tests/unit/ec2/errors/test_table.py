"""The table of EC2's errors: complete where AWS says what there is, and usable."""

import re

import botocore.retries.standard
import botocore.session
import pytest

from ec2spawner.ec2.errors.kinds import Kind, Scope
from ec2spawner.ec2.errors.table import TABLE, meaning_of, meaning_of_end

ROWS = [(code, row.meaning) for row in TABLE for code in row.codes]
GOES_ON = {Kind.CAPACITY, Kind.UNFIT, Kind.QUOTA, Kind.ELSEWHERE}


def test_each_code_has_one_meaning():
    # By AWS's words, where they tell two of them apart.
    codes = [(code, row.says) for row in TABLE for code in row.codes]
    assert len(codes) == len(set(codes))
    assert len(codes) > 100


def test_every_state_reason_that_aws_documents_is_in_it():
    model = botocore.session.get_session().get_service_model("ec2")
    text = model.shape_for("StateReason").members["Message"].documentation
    documented = re.findall(r"<code>((?:Server|Client)\.[\w.]+)</code>", text)
    assert len(documented) >= 12
    assert set(documented) <= {code for code, _ in ROWS}


def test_what_the_sdk_takes_for_throttling_is_throttling():
    checker = botocore.retries.standard.ThrottledRetryableChecker
    for code in checker._THROTTLED_ERROR_CODES:
        if code != "RequestThrottledException" and "LimitExceeded" in code:
            continue
        assert meaning_of(code).kind is Kind.THROTTLED, code


@pytest.mark.parametrize("code, meaning", ROWS)
def test_each_row_says_all_that_is_needed(code, meaning):
    assert meaning.user.endswith(".")
    if meaning.kind in GOES_ON:
        step = meaning.step.format(machine="t3.large", place="in us-west-2a")
        assert step and "{" not in step
    if meaning.kind in (Kind.QUOTA, Kind.UNFIT):
        assert meaning.scope is not Scope.NOTHING
    if meaning.seconds:
        assert meaning.kind in (Kind.CAPACITY, Kind.UNFIT)
        assert meaning.scope is not Scope.NOTHING


@pytest.mark.parametrize(
    "code, scope, minutes",
    [
        ("InsufficientInstanceCapacity", Scope.OFFERING, 3),
        ("UnfulfillableCapacity", Scope.OFFERING, 3),
        ("Server.InsufficientInstanceCapacity", Scope.OFFERING, 3),
        ("Server.SpotInstanceTermination", Scope.OFFERING, 3),
        ("SpotMaxPriceTooLow", Scope.OFFERING, 10),
        ("Unsupported", Scope.TYPE_IN_ZONE, 60),
        ("InsufficientVolumeCapacity", Scope.ZONE, 10),
        ("InsufficientFreeAddressesInSubnet", Scope.SUBNET, 5),
        ("VcpuLimitExceeded", Scope.FAMILY, 0),
        ("MaxSpotInstanceCountExceeded", Scope.FAMILY, 0),
        ("VolumeLimitExceeded", Scope.EVERYTHING, 0),
        ("Client.VolumeLimitExceeded", Scope.EVERYTHING, 0),
    ],
)
def test_what_is_left_out_and_for_how_long(code, scope, minutes):
    assert (meaning_of(code).scope, meaning_of(code).seconds) == (scope, minutes * 60)


def test_an_unknown_end_is_no_reason_to_launch_again():
    assert meaning_of_end("Server.SomethingNew").kind is Kind.FATAL
    assert meaning_of_end("").kind is Kind.FATAL
