"""What an admin is told of a start that failed, by which its story can be found."""

import pytest

from ec2spawner.core.errors import EC2SpawnError, Reason
from ec2spawner.core.state import Launch, Phase
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.errors.table import meaning_of
from ec2spawner.ec2.machines import Machine
from ec2spawner.launch.failures import EndedEarly, failure_of, reason_of, spawn_error

LAUNCH = Launch("start", "of-the-machine", Phase.BOOTING, instance_id="i-1")
FULL = EC2Error(
    "RunInstances",
    "InsufficientInstanceCapacity",
    "no",
    meaning_of("InsufficientInstanceCapacity"),
)


def raised_from(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error, reason, code",
    [
        (FULL, "capacity", "InsufficientInstanceCapacity"),
        (raised_from(spawn_error(FULL), FULL), "capacity", FULL.code),
        (
            EndedEarly(
                Machine("i-1", "terminated", reason_code="Server.InternalError")
            ),
            "boot",
            "Server.InternalError",
        ),
        (EC2SpawnError("Full. Try again.", reason=Reason.LIMIT), "limit", ""),
    ],
)
def test_the_reason_is_known_and_the_code_where_it_was_aws(error, reason, code):
    failure = failure_of(error, LAUNCH, 5.0, ("a step",))
    assert (failure.launch_id, failure.instance_id) == ("start", "i-1")
    assert (failure.reason, failure.code, failure.at) == (reason, code, 5.0)
    assert failure.steps == ("a step",)


def test_a_start_that_ends_without_an_error_was_cancelled():
    assert reason_of(None) == "cancelled"
