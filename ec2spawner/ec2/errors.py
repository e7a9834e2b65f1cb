"""EC2's errors as data: what each code means for a launch, and what to say of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)

from ..errors import Reason


class Kind(Enum):
    """What a launch does about an error."""

    CAPACITY = "try the next candidate at once"
    QUOTA = "try a candidate that counts against another quota"
    THROTTLED = "wait, then repeat the identical call"
    AMBIGUOUS = "it may have happened: repeat the identical call, then look"
    NOT_VISIBLE = "not a proof of absence: EC2 is eventually consistent"
    FATAL = "stop: no repetition can help"


@dataclass(frozen=True)
class Meaning:
    """One row of the table."""

    kind: Kind
    reason: Reason
    user: str


_NO_CAPACITY = Meaning(
    Kind.CAPACITY,
    Reason.CAPACITY,
    "AWS has no machine of this size free just now. "
    "Try again in a few minutes, or choose another size.",
)
_NOT_SOLD = Meaning(
    Kind.CAPACITY,
    Reason.CAPACITY,
    "AWS does not offer this size in this hub's zones. "
    "Choose another size, and please tell your hub's admin.",
)
_QUOTA = Meaning(
    Kind.QUOTA,
    Reason.QUOTA,
    "This hub's AWS account has reached its limit of running machines. "
    "Choose a smaller size, or ask your hub's admin to raise the limit.",
)
_THROTTLED = Meaning(
    Kind.THROTTLED,
    Reason.CLOUD,
    "AWS is limiting this hub's requests. Try again in a minute.",
)
_AMBIGUOUS = Meaning(
    Kind.AMBIGUOUS,
    Reason.CLOUD,
    "AWS is not answering as it should. Try again in a few minutes.",
)
_NOT_VISIBLE = Meaning(
    Kind.NOT_VISIBLE, Reason.CLOUD, "AWS does not show the machine yet."
)
_PERMISSION = Meaning(
    Kind.FATAL,
    Reason.PERMISSION,
    "This hub is not allowed to do this on AWS. Please tell your hub's admin.",
)
_CONFIG = Meaning(
    Kind.FATAL,
    Reason.CONFIG,
    "AWS refused this hub's settings. Please tell your hub's admin.",
)
_IMAGE = Meaning(
    Kind.FATAL,
    Reason.IMAGE,
    "The image of this server cannot be used. Please tell your hub's admin.",
)

# EC2 API reference, "Error codes for the Amazon EC2 API", and botocore's retry
# lists for the codes that mean throttling.
_TABLE: dict[str, Meaning] = {
    **dict.fromkeys(
        (
            "InsufficientInstanceCapacity",
            "InsufficientHostCapacity",
            "InsufficientCapacityOnHost",
            "InsufficientReservedInstanceCapacity",
            "ReservationCapacityExceeded",
            "UnfulfillableCapacity",
            "InsufficientFreeAddressesInSubnet",
            "InsufficientAddressCapacity",
            "InsufficientVolumeCapacity",
            "VolumeTypeNotAvailableInZone",
            "SpotMaxPriceTooLow",
            "Server.InsufficientInstanceCapacity",
        ),
        _NO_CAPACITY,
    ),
    "Unsupported": _NOT_SOLD,
    **dict.fromkeys(
        (
            "VcpuLimitExceeded",
            "InstanceLimitExceeded",
            "MaxSpotInstanceCountExceeded",
            "VolumeLimitExceeded",
            "Client.VolumeLimitExceeded",
            "NetworkInterfaceLimitExceeded",
            "ResourceLimitExceeded",
        ),
        _QUOTA,
    ),
    **dict.fromkeys(
        (
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "EC2ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "TooManyRequestsException",
            "BandwidthLimitExceeded",
            "SlowDown",
            "PriorRequestNotComplete",
        ),
        _THROTTLED,
    ),
    **dict.fromkeys(
        (
            "InternalError",
            "InternalFailure",
            "ServerInternal",
            "ServiceUnavailable",
            "Unavailable",
            "RequestTimeout",
            "RequestTimeoutException",
            "Server.InternalError",
        ),
        _AMBIGUOUS,
    ),
    **dict.fromkeys(
        (
            "InvalidInstanceID.NotFound",
            "InvalidVolume.NotFound",
            "InvalidNetworkInterfaceID.NotFound",
        ),
        _NOT_VISIBLE,
    ),
    **dict.fromkeys(
        (
            "UnauthorizedOperation",
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "MissingAuthenticationToken",
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "OptInRequired",
            "PendingVerification",
            "Blocked",
        ),
        _PERMISSION,
    ),
    **dict.fromkeys(
        (
            "InvalidAMIID.NotFound",
            "InvalidAMIID.Malformed",
            "InvalidAMIID.Unavailable",
            "InvalidSnapshot.NotFound",
            "Client.InvalidSnapshot.NotFound",
            "ParameterNotFound",
        ),
        _IMAGE,
    ),
}


class EC2Error(Exception):
    """A call to AWS that did not succeed.

    :ivar action: the API action, ``RunInstances``
    :ivar code: AWS's error code, or botocore's exception name when none came
    :ivar message: AWS's own words
    :ivar meaning: the row of the table that applies
    """

    def __init__(self, action: str, code: str, message: str, meaning: Meaning) -> None:
        super().__init__(f"{action}: {code}: {message}")
        self.action = action
        self.code = code
        self.message = message
        self.meaning = meaning

    @property
    def kind(self) -> Kind:
        return self.meaning.kind


def meaning_of(code: str, status: int = 400) -> Meaning:
    """The row for an error code or a ``StateReason`` code.

    Unknown codes are handled conservatively: with an HTTP status of 5xx the call
    may have happened, with 4xx it did not and will not.
    """
    if known := _TABLE.get(code):
        return known
    return _AMBIGUOUS if status >= 500 else _CONFIG


def from_botocore(action: str, error: Exception) -> EC2Error:
    """Translate what boto3 raised."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        code = str(details.get("Code", "Unknown"))
        return EC2Error(
            action, code, str(details.get("Message", "")), meaning_of(code, status)
        )
    name = type(error).__name__
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return EC2Error(action, name, str(error), _PERMISSION)
    if isinstance(error, (NoRegionError, ParamValidationError)):
        return EC2Error(action, name, str(error), _CONFIG)
    # Connections that broke, time-outs, answers that cannot be parsed.
    assert isinstance(error, (BotoCoreError, OSError))
    return EC2Error(action, name, str(error), _AMBIGUOUS)


_DENIED = re.compile(
    r"not authorized to perform: (?P<action>\S+)(?: on resource: (?P<resource>\S+))?"
)


def admin_hint(error: EC2Error) -> str:
    """The sentence for the Hub's log: what happened and what to change."""
    text = str(error)
    if match := _DENIED.search(error.message):
        resource = match["resource"] or "*"
        text += (
            f" -- allow {match['action']} on {resource} in the IAM policy of the Hub"
        )
    return text
