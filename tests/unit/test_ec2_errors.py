import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError

from ec2spawner.ec2.codes import meaning_of
from ec2spawner.ec2.errors import admin_hint, from_botocore
from ec2spawner.ec2.machines import Machine
from ec2spawner.ec2.meanings import Kind
from ec2spawner.errors import EC2SpawnError, Reason
from ec2spawner.failures import EndedEarly, spawn_error


def error(code, status=400, message="words"):
    answer = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return from_botocore("RunInstances", ClientError(answer, "RunInstances"))


@pytest.mark.parametrize(
    "code, status, kind, reason",
    [
        ("InsufficientInstanceCapacity", 500, Kind.CAPACITY, Reason.CAPACITY),
        ("InsufficientFreeAddressesInSubnet", 400, Kind.CAPACITY, Reason.CAPACITY),
        ("VcpuLimitExceeded", 400, Kind.QUOTA, Reason.QUOTA),
        ("RequestLimitExceeded", 503, Kind.THROTTLED, Reason.CLOUD),
        ("InternalError", 500, Kind.AMBIGUOUS, Reason.CLOUD),
        ("InvalidInstanceID.NotFound", 400, Kind.NOT_VISIBLE, Reason.CLOUD),
        ("UnauthorizedOperation", 403, Kind.FATAL, Reason.PERMISSION),
        ("InvalidAMIID.NotFound", 400, Kind.FATAL, Reason.IMAGE),
        ("InvalidParameterValue", 400, Kind.FATAL, Reason.CONFIG),
    ],
)
def test_a_code_says_what_to_do_and_why(code, status, kind, reason):
    made = error(code, status)
    assert (made.kind, made.meaning.reason) == (kind, reason)


def test_an_unknown_refusal_is_final_and_an_unknown_trouble_may_have_happened():
    assert meaning_of("SomethingNew", 400).kind is Kind.FATAL
    assert meaning_of("SomethingNew", 500).kind is Kind.AMBIGUOUS


def test_a_lost_answer_may_have_happened_and_missing_credentials_cannot():
    lost = from_botocore("RunInstances", ReadTimeoutError(endpoint_url="http://x"))
    assert lost.kind is Kind.AMBIGUOUS
    assert from_botocore("X", NoCredentialsError()).kind is Kind.FATAL


def test_the_admin_is_told_which_permission_is_missing():
    denied = error(
        "UnauthorizedOperation",
        403,
        "You are not authorized to perform this operation. User: u is not authorized "
        "to perform: ec2:RunInstances on resource: arn:aws:ec2:r:1:subnet/s because no",
    )
    assert "allow ec2:RunInstances on arn:aws:ec2:r:1:subnet/s" in admin_hint(denied)


def test_a_user_reads_a_sentence_and_no_code_and_the_log_has_both():
    shown = spawn_error(error("UnauthorizedOperation", 403, "secret arn"))
    assert isinstance(shown, EC2SpawnError)
    assert shown.reason == "permission"
    assert "arn" not in shown.jupyterhub_message + shown.jupyterhub_html_message
    assert "secret arn" in str(shown)


def test_html_in_a_message_is_shown_and_not_obeyed():
    shown = EC2SpawnError("<b>", reason=Reason.BOOT)
    assert shown.jupyterhub_html_message == "&lt;b&gt;"


def test_a_machine_that_died_at_once_gives_ec2s_reason():
    died = Machine("i-1", "terminated", reason_code="Client.VolumeLimitExceeded")
    assert EndedEarly(died).reason == "quota"
    died = Machine("i-1", "terminated", reason_message="Client.InternalError: KMS")
    assert "i-1" in str(EndedEarly(died)) and "KMS" in str(EndedEarly(died))
