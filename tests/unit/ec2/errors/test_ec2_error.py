import pytest
from botocore.exceptions import (
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from ec2spawner.core.errors import EC2SpawnError, Reason
from ec2spawner.ec2.errors import admin_hint, from_botocore, zones_named
from ec2spawner.ec2.errors.kinds import Kind, Scope
from ec2spawner.ec2.errors.table import meaning_of
from ec2spawner.ec2.machines import Machine
from ec2spawner.launch.failures import EndedEarly, spawn_error


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


_FREE_PLAN = (
    "The specified instance type is not eligible for Free Tier. For a list of Free "
    "Tier instance types, run 'describe-instance-types' with the filter "
    "'free-tier-eligible=true'."
)
_MARKETPLACE = (
    "In order to use this AWS Marketplace product you need to accept terms and "
    "subscribe. To do so please visit https://aws.amazon.com/marketplace/pp?sku=x"
)


@pytest.mark.parametrize(
    "code, words, kind, scope, hint",
    [
        (
            "InvalidParameterCombination",
            _FREE_PLAN,
            Kind.UNFIT,
            Scope.TYPE,
            "paid plan",
        ),
        (
            "InvalidParameterCombination",
            "Could not do it",
            Kind.FATAL,
            Scope.NOTHING,
            "",
        ),
        ("OptInRequired", _MARKETPLACE, Kind.UNFIT, Scope.IMAGE, "accept its terms"),
        (
            "OptInRequired",
            "You are not subscribed to this service",
            Kind.FATAL,
            Scope.NOTHING,
            "AWS's support",
        ),
        ("AttachmentLimitExceeded", "", Kind.UNFIT, Scope.TYPE, "fewer volumes"),
    ],
)
def test_one_code_has_two_meanings_and_awss_words_say_which(
    code, words, kind, scope, hint
):
    made = error(code, 400, words)
    assert (made.kind, made.meaning.scope) == (kind, scope)
    assert hint in admin_hint(made)


@pytest.mark.parametrize("status", [302, 403, 404, 407, 502])
@pytest.mark.parametrize("code", ["", "Unknown", "{status}"])
def test_a_page_without_a_code_of_awss_may_have_taken_the_place_of_an_answer(
    status, code
):
    made = error(code.format(status=status), status, "<html>secret</html>")
    assert made.kind is Kind.AMBIGUOUS
    assert "secret" not in admin_hint(made) and "proxy" in admin_hint(made)


def test_a_lost_answer_may_have_happened_and_missing_credentials_cannot():
    lost = from_botocore("RunInstances", ReadTimeoutError(endpoint_url="http://x"))
    assert lost.kind is Kind.AMBIGUOUS
    assert from_botocore("X", NoCredentialsError()).kind is Kind.FATAL


def test_a_call_that_boto3_will_not_send_is_a_mistake_of_ours_and_final():
    wrong = ParamValidationError(report="Unknown parameter in input")
    made = from_botocore("RunInstances", wrong)
    assert made.kind is Kind.FATAL
    assert made.code == "ParamValidationError"


_DENIED = (
    "You are not authorized to perform this operation. User: arn:aws:sts::1:u is not "
    "authorized to perform: "
)
_ENCODED = " Encoded authorization failure message: 4EWrtR7sGbYHd0lM"


@pytest.mark.parametrize(
    "words, hint",
    [
        (
            "ec2:RunInstances on resource: arn:aws:ec2:r:1:subnet/s because no "
            "identity-based policy allows the ec2:RunInstances action.",
            "allow ec2:RunInstances on arn:aws:ec2:r:1:subnet/s in the IAM policy",
        ),
        (
            "ec2:DescribeSubnets because no identity-based policy allows the "
            "ec2:DescribeSubnets action",
            "allow ec2:DescribeSubnets on * in the IAM policy",
        ),
        (
            "iam:PassRole on resource: arn:aws:iam::1:role/x because no "
            "identity-based policy allows the iam:PassRole action",
            "allow iam:PassRole on arn:aws:iam::1:role/x in the IAM policy",
        ),
        (
            "ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/* with an explicit "
            "deny in a service control policy.",
            "a service control policy forbids ec2:RunInstances on "
            "arn:aws:ec2:r:1:instance/*",
        ),
        (
            "ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/* with an explicit "
            "deny in a permissions boundary.",
            "a permissions boundary forbids ec2:RunInstances",
        ),
        (
            "ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/* with an explicit "
            "deny in an identity-based policy.",
            "an identity-based policy forbids ec2:RunInstances",
        ),
    ],
)
def test_the_admin_is_told_what_is_not_allowed_and_by_what(words, hint):
    told = admin_hint(error("UnauthorizedOperation", 403, _DENIED + words + _ENCODED))
    assert hint in told
    # Named in plain words, so nobody has to decode it.
    assert "4EWrtR7sGbYHd0lM" not in told


def test_when_aws_names_nothing_the_admin_reads_how_to_decode_what_it_says():
    words = "You are not authorized to perform this operation." + _ENCODED
    told = admin_hint(error("UnauthorizedOperation", 403, words))
    assert "decode-authorization-message" in told and "4EWrtR7sGbYHd0lM" in told


@pytest.mark.parametrize(
    "words, zones",
    [
        (
            "You can currently get t3.large capacity by not specifying an Availability "
            "Zone in your request or choosing us-west-2b, us-west-2c.",
            ("us-west-2b", "us-west-2c"),
        ),
        (
            "Please retry your request by not specifying an Availability Zone or "
            "choosing us-east-1b.",
            ("us-east-1b",),
        ),
        ("There is no Spot capacity available that matches your request.", ()),
    ],
)
def test_the_zones_that_ec2_recommends_are_read_from_its_words(words, zones):
    assert zones_named(error("InsufficientInstanceCapacity", 500, words)) == zones


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
