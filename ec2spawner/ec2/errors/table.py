"""Every EC2 error code and StateReason worth knowing, as one table. Pure.

Codes: EC2 API reference, "Error codes for the Amazon EC2 API"; StateReasons: EC2
API reference, "StateReason"; codes that mean throttling: botocore's retry lists.
``docs/reference/errors.md`` shows this table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .kinds import (
    ACCOUNT,
    AMBIGUOUS,
    CANNOT_HIBERNATE,
    CONFIG,
    CREDENTIALS,
    ENDED,
    FOREIGN,
    HOST_FAILED,
    IMAGE,
    KEY,
    KEY_REFUSED,
    MARKETPLACE,
    NO_ADDRESS,
    NO_DISK,
    NO_PUBLIC_ADDRESS,
    NO_SPOT,
    NOT_SOLD,
    NOT_VISIBLE,
    PERMISSION,
    PRICE_TOO_LOW,
    QUOTA,
    QUOTA_OF_DISKS,
    QUOTA_OF_PARTS,
    SNAPSHOT,
    SOLD_OUT,
    SPOT_QUOTA,
    TAKEN_BACK,
    THROTTLED,
    TOKEN_USED,
    TOO_MANY_DISKS,
    TYPE_NOT_FREE,
    TYPE_UNFIT,
    Meaning,
)


@dataclass(frozen=True)
class Row:
    """Codes that mean the same, under a heading of the reference page.

    :ivar says: words of AWS without which the codes mean something else
    """

    about: str
    codes: tuple[str, ...]
    meaning: Meaning
    says: str = ""


TABLE: tuple[Row, ...] = (
    Row(
        "No capacity",
        (
            "InsufficientInstanceCapacity",
            "UnfulfillableCapacity",
            "InsufficientHostCapacity",
            "InsufficientCapacityOnHost",
            "InsufficientReservedInstanceCapacity",
            "ReservationCapacityExceeded",
        ),
        SOLD_OUT,
    ),
    Row("No capacity", ("SpotMaxPriceTooLow",), PRICE_TOO_LOW),
    Row(
        "No capacity",
        ("InsufficientVolumeCapacity", "VolumeTypeNotAvailableInZone"),
        NO_DISK,
    ),
    Row("No capacity", ("InsufficientFreeAddressesInSubnet",), NO_ADDRESS),
    Row("No capacity", ("InsufficientAddressCapacity",), NO_PUBLIC_ADDRESS),
    Row("A candidate cannot work", ("Unsupported",), NOT_SOLD),
    Row(
        "A candidate cannot work",
        (
            "UnsupportedOperation",
            "InvalidInstanceType",
            "UnsupportedInstanceTypeOnImage",
            "BootForVolumeTypeUnsupported",
        ),
        TYPE_UNFIT,
    ),
    # https://github.com/aws-samples/eks-workshop-v2/issues/1644
    Row(
        "A candidate cannot work",
        ("InvalidParameterCombination",),
        TYPE_NOT_FREE,
        says="not eligible for Free Tier",
    ),
    Row(
        "A candidate cannot work",
        ("OptInRequired",),
        MARKETPLACE,
        says="Marketplace",
    ),
    Row("A candidate cannot work", ("AttachmentLimitExceeded",), TOO_MANY_DISKS),
    Row(
        "A candidate cannot work",
        ("UnsupportedHibernationConfiguration",),
        CANNOT_HIBERNATE,
    ),
    Row(
        "A candidate cannot work",
        ("AuthFailure.ServiceLinkedRoleCreationNotPermitted",),
        NO_SPOT,
    ),
    Row(
        "A limit of the account",
        ("VcpuLimitExceeded", "InstanceLimitExceeded", "MaxSpotInstanceCountExceeded"),
        QUOTA,
    ),
    Row(
        "A limit of the account",
        ("MaxSpotFleetRequestCountExceeded", "MaxFleetCountExceeded"),
        SPOT_QUOTA,
    ),
    Row(
        "A limit of the account",
        (
            "VolumeLimitExceeded",
            "MaxIOPSLimitExceeded",
            "SnapshotLimitExceeded",
            "ConcurrentSnapshotLimitExceeded",
            "PendingSnapshotLimitExceeded",
        ),
        QUOTA_OF_DISKS,
    ),
    Row(
        "A limit of the account",
        (
            "NetworkInterfaceLimitExceeded",
            "AddressLimitExceeded",
            "ResourceLimitExceeded",
            "ResourceCountExceeded",
        ),
        QUOTA_OF_PARTS,
    ),
    Row(
        "Too many requests",
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
            "ProvisionedThroughputExceededException",
            "TransactionInProgressException",
            "ConcurrentTagAccess",
            "CreditSpecificationUpdateInProgress",
            "SnapshotCreationPerVolumeRateExceeded",
        ),
        THROTTLED,
    ),
    Row(
        "In doubt",
        (
            "InternalError",
            "InternalFailure",
            "ServerInternal",
            "ServiceUnavailable",
            "Unavailable",
            "RequestTimeout",
            "RequestTimeoutException",
            "RetryableError",
        ),
        AMBIGUOUS,
    ),
    Row("In doubt", ("ForeignAnswer", "ResponseParserError"), FOREIGN),
    Row(
        "In doubt",
        ("IdempotentInstanceTerminated", "IdempotentParameterMismatch"),
        TOKEN_USED,
    ),
    Row(
        "Not visible yet",
        (
            "InvalidInstanceID.NotFound",
            "InvalidVolume.NotFound",
            "InvalidNetworkInterfaceID.NotFound",
            "InvalidSpotInstanceRequestID.NotFound",
        ),
        NOT_VISIBLE,
    ),
    Row(
        "Not allowed",
        (
            "UnauthorizedOperation",
            "AccessDenied",
            "AccessDeniedException",
            "TagPolicyViolation",
        ),
        PERMISSION,
    ),
    Row(
        "Not allowed",
        (
            "AuthFailure",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
        ),
        CREDENTIALS,
    ),
    Row(
        "Not allowed",
        ("OptInRequired", "PendingVerification", "Blocked", "AccountDisabled"),
        ACCOUNT,
    ),
    Row(
        "A setting is wrong",
        (
            "InvalidAMIID.NotFound",
            "InvalidAMIID.Malformed",
            "InvalidAMIID.Unavailable",
            "ParameterNotFound",
        ),
        IMAGE,
    ),
    Row("A setting is wrong", ("InvalidSnapshot.NotFound",), SNAPSHOT),
    Row(
        "A setting is wrong",
        (
            "InvalidParameter",
            "InvalidParameterValue",
            "InvalidParameterCombination",
            "MissingParameter",
            "UnknownParameter",
            "ValidationError",
            "InvalidSubnet",
            "InvalidSubnetID.NotFound",
            "InvalidSubnetID.Malformed",
            "InvalidGroup.NotFound",
            "InvalidGroupId.Malformed",
            "InvalidSecurityGroupID.NotFound",
            "InvalidKeyPair.NotFound",
            "InvalidBlockDeviceMapping",
            "InvalidUserData.Malformed",
            "InvalidVolume.ZoneMismatch",
            "InvalidZone.NotFound",
            "InvalidIPAddress.InUse",
            "InvalidClientToken",
            "VPCIdNotSpecified",
            "DefaultVpcDoesNotExist",
            "VolumeIOPSLimit",
            "TagLimitExceeded",
            "EncryptedVolumesNotSupported",
            "OperationNotPermitted",
        ),
        CONFIG,
    ),
    Row("A setting is wrong", ("CustomerKeyHasBeenRevoked",), KEY_REFUSED),
    Row(
        "A machine ended (StateReason)",
        ("Server.InsufficientInstanceCapacity",),
        SOLD_OUT,
    ),
    Row(
        "A machine ended (StateReason)",
        ("Server.SpotInstanceTermination", "Server.SpotInstanceShutdown"),
        TAKEN_BACK,
    ),
    Row(
        "A machine ended (StateReason)",
        ("Client.VolumeLimitExceeded",),
        QUOTA_OF_DISKS,
    ),
    Row(
        "A machine ended (StateReason)",
        ("Client.InvalidSnapshot.NotFound",),
        SNAPSHOT,
    ),
    Row("A machine ended (StateReason)", ("Client.InternalError",), KEY),
    Row(
        "A machine ended (StateReason)",
        ("Server.InternalError", "Server.ScheduledStop"),
        HOST_FAILED,
    ),
    Row(
        "A machine ended (StateReason)",
        (
            "Client.InstanceInitiatedShutdown",
            "Client.InstanceTerminated",
            "Client.UserInitiatedShutdown",
            "Client.UserInitiatedHibernate",
        ),
        ENDED,
    ),
)

_BY_CODE: Mapping[str, Meaning] = {
    code: row.meaning for row in TABLE if not row.says for code in row.codes
}
_BY_WORDS: Sequence[Row] = [row for row in TABLE if row.says]

#: what a code means that is not in the table, by when it can come
UNKNOWN_REFUSAL = CONFIG
UNKNOWN_TROUBLE = AMBIGUOUS
UNKNOWN_END = ENDED
NO_CREDENTIALS = CREDENTIALS
#: of an answer that is cut, or another's
FOREIGN_ANSWER = FOREIGN


def meaning_of(code: str, status: int = 400, message: str = "") -> Meaning:
    """What an error code means, and AWS's words where one code has two meanings.

    Unknown codes are handled conservatively: with an HTTP status of 5xx the call
    may have happened, with 4xx it did not and will not.
    """
    for row in _BY_WORDS:
        if code in row.codes and row.says.lower() in message.lower():
            return row.meaning
    if known := _BY_CODE.get(code):
        return known
    return UNKNOWN_TROUBLE if status >= 500 else UNKNOWN_REFUSAL


def meaning_of_end(reason_code: str) -> Meaning:
    """What the ``StateReason`` of a machine that has ended means."""
    return _BY_CODE.get(reason_code, UNKNOWN_END)
