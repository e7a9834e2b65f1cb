"""What AWS's errors can mean for a launch, and what to say of each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ...core.errors import Reason


class Kind(Enum):
    """What a launch does about an error."""

    CAPACITY = "try the next candidate at once"
    UNFIT = "leave out what cannot work, try the next candidate at once"
    QUOTA = "try a candidate that counts against another quota"
    ELSEWHERE = "the machine failed: try one other candidate, once"
    THROTTLED = "wait, then repeat the identical call"
    AMBIGUOUS = "it may have happened: repeat the identical call, then look"
    TOKEN_USED = "the client token has made a machine before: look at that one"
    NOT_VISIBLE = "not a proof of absence: EC2 is eventually consistent"
    FATAL = "stop: no repetition can help"


class Scope(Enum):
    """Which candidates an error speaks of, beside the one that it came from."""

    NOTHING = "no other"
    OFFERING = "this type in this zone, on this market"
    TYPE_IN_ZONE = "this type in this zone"
    TYPE = "this type"
    ZONE = "this zone"
    SUBNET = "this subnet"
    FAMILY = "the types of this quota, on this market"
    MARKET = "this market"
    HIBERNATION = "this type and image, if it is to hibernate"
    IMAGE = "every candidate with this image"
    EVERYTHING = "every candidate"


@dataclass(frozen=True)
class Meaning:
    """What one or more codes mean.

    :ivar user: the sentence for a user whose launch ends with it
    :ivar step: what a user reads when the launch goes on; ``{machine}`` is the
        type and market, ``{place}`` the zone
    :ivar seconds: for how long no launch of the fleet tries the candidates of
        ``scope`` first; 0 for no longer than this launch lasts
    :ivar hint: what an admin should look at
    """

    kind: Kind
    reason: Reason
    user: str
    step: str = ""
    scope: Scope = Scope.NOTHING
    seconds: float = 0.0
    hint: str = ""


# Karpenter's time for the same news (its unavailable offerings).
_SOLD_OUT_SECONDS = 180.0

_SOLD_OUT_USER = (
    "AWS has no machine of this size free just now. "
    "Try again in a few minutes, or choose another size."
)
_SOLD_OUT_STEP = "No {machine} {place} just now"
SOLD_OUT = Meaning(
    Kind.CAPACITY,
    Reason.CAPACITY,
    _SOLD_OUT_USER,
    _SOLD_OUT_STEP,
    Scope.OFFERING,
    _SOLD_OUT_SECONDS,
    "give more instance_types, or subnets in more zones",
)
PRICE_TOO_LOW = Meaning(
    Kind.CAPACITY,
    Reason.CAPACITY,
    _SOLD_OUT_USER,
    "{machine} {place} costs more than the limit just now",
    Scope.OFFERING,
    600.0,
)
NO_DISK = Meaning(
    Kind.CAPACITY,
    Reason.CAPACITY,
    _SOLD_OUT_USER,
    "No room for disks {place} just now",
    Scope.ZONE,
    600.0,
)
NO_ADDRESS = Meaning(
    Kind.CAPACITY,
    Reason.CAPACITY,
    _SOLD_OUT_USER,
    "The hub's network {place} is full",
    Scope.SUBNET,
    300.0,
    "the subnet has no free address; stopped machines keep theirs",
)
NO_PUBLIC_ADDRESS = Meaning(
    Kind.CAPACITY,
    Reason.CAPACITY,
    _SOLD_OUT_USER,
    "No public address {place} just now",
    Scope.ZONE,
    _SOLD_OUT_SECONDS,
    "public_ip is on, and AWS has no public address left there",
)
NOT_SOLD = Meaning(
    Kind.UNFIT,
    Reason.CAPACITY,
    "AWS does not offer this size in this hub's zones. "
    "Choose another size, and please tell your hub's admin.",
    "AWS does not offer {machine} {place}",
    Scope.TYPE_IN_ZONE,
    3600.0,
    "the zone never has this type: use subnets in other zones, or another type",
)
TYPE_UNFIT = Meaning(
    Kind.UNFIT,
    Reason.CONFIG,
    "AWS refused this hub's settings. Please tell your hub's admin.",
    "{machine} cannot run this server",
    Scope.TYPE,
    600.0,
    "image and instance type do not go together",
)
TYPE_NOT_FREE = Meaning(
    Kind.UNFIT,
    Reason.CONFIG,
    "This hub's AWS account is on the free plan, which has no machines of this size. "
    "Choose another size, and please tell your hub's admin.",
    "The account's free plan has no {machine}",
    Scope.TYPE,
    600.0,
    "upgrade the account to the paid plan, or offer types of the free plan only: aws "
    "ec2 describe-instance-types --filters Name=free-tier-eligible,Values=true",
)
TOO_MANY_DISKS = Meaning(
    Kind.UNFIT,
    Reason.CONFIG,
    "A machine of this size cannot have so many disks. Choose another size, and "
    "please tell your hub's admin.",
    "{machine} cannot have so many disks",
    Scope.TYPE,
    600.0,
    "the instance type takes fewer volumes than its image, data_volumes and the home "
    "need together",
)
MARKETPLACE = Meaning(
    Kind.UNFIT,
    Reason.IMAGE,
    "The image of this server cannot be used. Please tell your hub's admin.",
    "The image is not available to this hub",
    Scope.IMAGE,
    hint="the image is of AWS Marketplace: accept its terms once, in the Hub's "
    "account, at the address that AWS names",
)
NO_SPOT = Meaning(
    Kind.UNFIT,
    Reason.PERMISSION,
    "This hub is not allowed to do this on AWS. Please tell your hub's admin.",
    "This hub cannot have spot machines yet",
    Scope.MARKET,
    600.0,
    "create the service-linked role once: "
    "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
)
_QUOTA_USER = (
    "This hub's AWS account has reached its limit of running machines. "
    "Choose a smaller size, or ask your hub's admin to raise the limit."
)
QUOTA = Meaning(
    Kind.QUOTA,
    Reason.QUOTA,
    _QUOTA_USER,
    "The account's limit for {machine} is reached",
    Scope.FAMILY,
    hint="ask for more vCPUs of this family and market in Service Quotas, Amazon EC2",
)
SPOT_QUOTA = Meaning(
    Kind.QUOTA,
    Reason.QUOTA,
    _QUOTA_USER,
    "The account's limit of spot machines is reached",
    Scope.MARKET,
    hint="ask for more spot requests in Service Quotas, Amazon EC2",
)
QUOTA_OF_PARTS = Meaning(
    Kind.QUOTA,
    Reason.QUOTA,
    _QUOTA_USER,
    "The account's limit is reached",
    Scope.EVERYTHING,
    hint="a limit of disks, network interfaces or addresses, the same for all types",
)
QUOTA_OF_DISKS = Meaning(
    Kind.QUOTA,
    Reason.QUOTA,
    "This hub's AWS account has reached its limit of disks or their snapshots. "
    "Please tell your hub's admin.",
    "The account's limit of disks is reached",
    Scope.EVERYTHING,
    hint="ask for more storage or snapshots in Service Quotas, Amazon EBS",
)
THROTTLED = Meaning(
    Kind.THROTTLED,
    Reason.CLOUD,
    "AWS is limiting this hub's requests. Try again in a minute.",
)
AMBIGUOUS = Meaning(
    Kind.AMBIGUOUS,
    Reason.CLOUD,
    "AWS is not answering as it should. Try again in a few minutes.",
    "AWS does not answer clearly for {machine} {place}",
)
FOREIGN = Meaning(
    Kind.AMBIGUOUS,
    Reason.CLOUD,
    AMBIGUOUS.user,
    AMBIGUOUS.step,
    hint="the answer was cut, or is not AWS's: look for a proxy, a firewall or a login "
    "page between the Hub and AWS",
)
TOKEN_USED = Meaning(
    Kind.TOKEN_USED,
    Reason.CLOUD,
    "AWS is not answering as it should. Try again in a few minutes.",
    "The machine {place} has ended again",
)
NOT_VISIBLE = Meaning(
    Kind.NOT_VISIBLE,
    Reason.CLOUD,
    "AWS does not show the machine yet. Try again in a minute.",
)
PERMISSION = Meaning(
    Kind.FATAL,
    Reason.PERMISSION,
    "This hub is not allowed to do this on AWS. Please tell your hub's admin.",
)
CREDENTIALS = Meaning(
    Kind.FATAL,
    Reason.PERMISSION,
    "This hub cannot log in to AWS. Please tell your hub's admin.",
    hint="look at the Hub's AWS credentials, at c.EC2Spawner.region, and at the clock "
    "of the Hub's computer",
)
ACCOUNT = Meaning(
    Kind.FATAL,
    Reason.PERMISSION,
    "This hub's AWS account cannot be used just now. " "Please tell your hub's admin.",
    hint="AWS has not enabled the account, or has locked it: ask AWS's support",
)
CONFIG = Meaning(
    Kind.FATAL,
    Reason.CONFIG,
    "AWS refused this hub's settings. Please tell your hub's admin.",
)
IMAGE = Meaning(
    Kind.FATAL,
    Reason.IMAGE,
    "The image of this server cannot be used. Please tell your hub's admin.",
)
CANNOT_HIBERNATE = Meaning(
    Kind.UNFIT,
    Reason.CONFIG,
    "AWS refused this hub's settings. Please tell your hub's admin.",
    "{machine} cannot hibernate",
    Scope.HIBERNATION,
    600.0,
    hint="image or instance type do not support hibernation: the machine is launched "
    "without, and stopped in place of that",
)
SNAPSHOT = Meaning(
    Kind.FATAL,
    Reason.CONFIG,
    "The data of this server cannot be found. Please tell your hub's admin.",
    hint="a snapshot of data_volumes, or the image's own, is not in this region, or "
    "belongs to another account that does not share it",
)
KEY_REFUSED = Meaning(
    Kind.FATAL,
    Reason.CONFIG,
    "AWS cannot use the key that encrypts this hub's disks. "
    "Please tell your hub's admin.",
    hint="look at the state of the KMS key, and at whether the Hub's role may use it",
)
KEY = Meaning(
    Kind.ELSEWHERE,
    Reason.BOOT,
    "Try again, and if it comes back, please tell your hub's admin.",
    "The machine {place} failed",
    hint="mostly the key that encrypts its disk: the Hub's role may not use it",
)
HOST_FAILED = Meaning(
    Kind.ELSEWHERE, Reason.BOOT, "Try again.", "The machine {place} failed"
)
TAKEN_BACK = Meaning(
    Kind.CAPACITY,
    Reason.CAPACITY,
    "AWS took the spot machine back. Try again.",
    "AWS took the {machine} {place} back",
    Scope.OFFERING,
    _SOLD_OUT_SECONDS,
)
ENDED = Meaning(Kind.FATAL, Reason.BOOT, "Try again.")
