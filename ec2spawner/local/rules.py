"""Every AWS rule that this package adds to moto: what AWS does, and who says so.

The table in ``docs/reference/local-ec2.md`` is made from it, and every row has a
test of its own (``tests/local``). ``python -m ec2spawner.local.rules`` prints it.
"""

from __future__ import annotations

from dataclasses import dataclass

_API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference"
_GUIDE = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide"
_DEV = "https://docs.aws.amazon.com/ec2/latest/devguide"

_IDEMPOTENCY = f"{_DEV}/ec2-api-idempotency.html"
_ERRORS = f"{_API}/errors-overview.html"
_LIFECYCLE = f"{_GUIDE}/ec2-instance-lifecycle.html"
_TAGS = f"{_GUIDE}/Using_Tags.html#tag-restrictions"
_RUN = f"{_API}/API_RunInstances.html"
_GROUPS = "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"
_TRACKING = f"{_GUIDE}/security-group-connection-tracking.html"
_EBS = "https://docs.aws.amazon.com/ebs/latest/userguide"
_IMDS = f"{_GUIDE}/configuring-instance-metadata-service.html"


@dataclass(frozen=True)
class Rule:
    """One thing AWS does. ``key`` names it in the tests."""

    key: str
    action: str
    aws_does: str
    source: str


RULES: tuple[Rule, ...] = (
    Rule(
        "token-same",
        "RunInstances",
        "The same client token with the same parameters gives the same instance.",
        _IDEMPOTENCY,
    ),
    Rule(
        "token-mismatch",
        "RunInstances",
        "The same token with other parameters: IdempotentParameterMismatch.",
        _IDEMPOTENCY,
    ),
    Rule(
        "token-terminated",
        "RunInstances",
        "The token of a terminated instance: IdempotentInstanceTerminated.",
        "https://github.com/boto/boto3/issues/4406",
    ),
    Rule(
        "token-zonal",
        "RunInstances",
        "A token is zonal once a subnet or zone is given: in another zone it is new.",
        _IDEMPOTENCY,
    ),
    Rule(
        "token-concurrent",
        "RunInstances",
        "Any number of callers with one token at once get one instance.",
        _IDEMPOTENCY,
    ),
    Rule(
        "volume-token",
        "CreateVolume",
        "The same client token gives the same volume.",
        _IDEMPOTENCY,
    ),
    Rule(
        "counts",
        "RunInstances",
        "As many instances as possible between MinCount and MaxCount.",
        _RUN,
    ),
    Rule(
        "user-data-size",
        "RunInstances",
        "User-data over 16,384 raw bytes: InvalidUserData.Malformed.",
        f"{_GUIDE}/user-data.html",
    ),
    Rule(
        "user-data-stopped",
        "ModifyInstanceAttribute",
        "User-data and type change only while stopped, else IncorrectInstanceState.",
        f"{_GUIDE}/user-data.html",
    ),
    Rule(
        "tag-limits",
        "RunInstances, CreateTags",
        "At most 50 tags (TagLimitExceeded), keys of 128 and values of 256 "
        "characters, each key once.",
        _TAGS,
    ),
    Rule(
        "tag-aws-prefix",
        "RunInstances, CreateTags",
        "Keys that start with aws: are refused.",
        _TAGS,
    ),
    Rule(
        "tag-on-create",
        "RunInstances",
        "TagSpecifications tag the instance, its volumes and its network interfaces; "
        "other resource types are refused.",
        f"{_API}/API_TagSpecification.html",
    ),
    Rule(
        "unknown-image",
        "RunInstances",
        "An unknown image: InvalidAMIID.NotFound; a malformed id: "
        "InvalidAMIID.Malformed.",
        _ERRORS,
    ),
    Rule(
        "unknown-type",
        "RunInstances",
        "An unknown instance type: InvalidParameterValue.",
        "https://github.com/getmoto/moto/issues/1695",
    ),
    Rule(
        "unknown-network",
        "RunInstances",
        "Unknown subnet: InvalidSubnetID.NotFound; unknown security group: "
        "InvalidGroup.NotFound; of another VPC: InvalidParameter.",
        _ERRORS,
    ),
    Rule(
        "unknown-key-pair",
        "RunInstances",
        "An unknown key pair: InvalidKeyPair.NotFound.",
        _ERRORS,
    ),
    Rule(
        "unknown-profile",
        "RunInstances",
        "An unknown IAM instance profile: InvalidParameterValue, HTTP 400.",
        "https://github.com/kubernetes-sigs/cluster-api-provider-aws/issues/3439",
    ),
    Rule(
        "architecture",
        "RunInstances",
        "Image and instance type of different architectures: InvalidParameterValue.",
        "https://github.com/skypilot-org/skypilot/issues/6315",
    ),
    Rule(
        "not-sold-here",
        "RunInstances",
        "A type that the zone does not offer: Unsupported, naming zones that do.",
        "https://github.com/SUSE-Enceladus/ec2imgutils/issues/103",
    ),
    Rule(
        "address-asked-for",
        "RunInstances",
        "An address in use: InvalidIPAddress.InUse; outside the subnet: "
        "InvalidParameterValue.",
        _ERRORS,
    ),
    Rule(
        "root-volume",
        "RunInstances",
        "The root volume is always there, is deleted with the instance unless told "
        "otherwise, and is no smaller than the image's snapshot.",
        f"{_API}/API_EbsBlockDevice.html",
    ),
    Rule(
        "dry-run",
        "all that change something",
        "DryRun checks everything, changes nothing: DryRunOperation, HTTP 412.",
        f"{_API}/CommonParameters.html",
    ),
    Rule(
        "capacity",
        "RunInstances",
        "No capacity: InsufficientInstanceCapacity, HTTP 500, whose text names the "
        "zones that have some.",
        "https://github.com/ansible-collections/amazon.aws/issues/1038",
    ),
    Rule(
        "capacity-spot",
        "RunInstances",
        "Spot machines have capacity of their own; without: "
        "InsufficientInstanceCapacity, HTTP 500, which names no zone.",
        "https://github.com/aws/aws-parallelcluster/issues/2734",
    ),
    Rule(
        "quota-spot",
        "RunInstances",
        "Spot machines have a vCPU quota of their own for each family: "
        "MaxSpotInstanceCountExceeded.",
        "https://github.com/meadowdata/meadowrun/issues/84",
    ),
    Rule(
        "spot-one-time",
        "RunInstances, StopInstances",
        "The machine of a one-time spot request cannot be stopped: not by a call "
        "(UnsupportedOperation), nor is a request that wants it at interruption taken.",
        "https://github.com/diodonfrost/terraform-aws-lambda-scheduler-stop-start/"
        "pull/8",
    ),
    Rule(
        "capacity-start",
        "StartInstances",
        "Starting a stopped instance needs capacity too.",
        f"{_API}/API_StartInstances.html",
    ),
    Rule(
        "quota",
        "RunInstances",
        "Over the vCPU quota: VcpuLimitExceeded, HTTP 400.",
        "https://docs.aws.amazon.com/ec2/latest/instancetypes/"
        "ec2-instance-quotas.html",
    ),
    Rule(
        "dies-pending",
        "RunInstances",
        "An accepted launch can still die: pending to terminated, with a StateReason "
        "such as Server.InsufficientInstanceCapacity.",
        f"{_API}/API_StateReason.html",
    ),
    Rule(
        "throttling",
        "all",
        "A token bucket per action; empty: RequestLimitExceeded, HTTP 503. "
        "RunInstances and StartInstances: 5, and 2 more every second.",
        f"{_DEV}/ec2-api-throttling.html",
    ),
    Rule(
        "consistency",
        "all",
        "A new instance may be unknown for a while: InvalidInstanceID.NotFound by "
        "id, absent from lists.",
        f"{_DEV}/eventual-consistency.html",
    ),
    Rule(
        "states",
        "DescribeInstances",
        "pending, running, stopping, stopped, shutting-down and terminated all take "
        "their time.",
        _LIFECYCLE,
    ),
    Rule(
        "wrong-state",
        "StartInstances, StopInstances",
        "From a state that does not allow it: IncorrectInstanceState; a stop of what "
        "has never been running is such a case.",
        "https://github.com/cloud-custodian/cloud-custodian/pull/6014",
    ),
    Rule(
        "repeat-is-harmless",
        "Stop-, Start-, TerminateInstances",
        "What is already so is no error; the answer gives the state as it is.",
        f"{_API}/API_TerminateInstances.html",
    ),
    Rule(
        "all-or-nothing",
        "TerminateInstances",
        "One unknown id, and none is terminated.",
        f"{_API}/API_TerminateInstances.html",
    ),
    Rule(
        "user-shutdown",
        "StopInstances, TerminateInstances",
        "StateReason Client.UserInitiatedShutdown and a StateTransitionReason with "
        "the time.",
        f"{_API}/API_StateReason.html",
    ),
    Rule(
        "guest-shutdown",
        "-",
        "A shutdown from inside stops or terminates, by "
        "InstanceInitiatedShutdownBehavior: Client.InstanceInitiatedShutdown.",
        f"{_GUIDE}/Using_ChangingInstanceInitiatedShutdownBehavior.html",
    ),
    Rule(
        "no-reason-while-running",
        "DescribeInstances",
        "An instance that nothing happened to has no StateReason.",
        f"{_API}/API_Instance.html",
    ),
    Rule(
        "terminated-has-nothing",
        "DescribeInstances",
        "A terminated instance has no address, network interface or volume, and is "
        "listed for a while.",
        f"{_GUIDE}/terminating-instances.html",
    ),
    Rule(
        "termination-protection",
        "TerminateInstances",
        "DisableApiTermination, also when set by RunInstances: "
        "OperationNotPermitted.",
        f"{_GUIDE}/Using_ChangingDisableAPITermination.html",
    ),
    Rule(
        "stop-start-keeps",
        "StopInstances, StartInstances",
        "Id, private address and disk stay over a stop.",
        f"{_GUIDE}/Stop_Start.html",
    ),
    Rule(
        "bad-instance-id",
        "DescribeInstances",
        "A malformed id: InvalidInstanceID.Malformed; an unknown one: "
        "InvalidInstanceID.NotFound.",
        _ERRORS,
    ),
    Rule(
        "filters",
        "DescribeInstances",
        "client-token, instance-lifecycle and others work; an unknown filter is "
        "InvalidParameterValue.",
        f"{_API}/API_DescribeInstances.html",
    ),
    Rule(
        "paging",
        "DescribeInstances",
        "MaxResults from 5 to 1000, not together with ids; without it everything "
        "comes in one answer.",
        f"{_API}/API_DescribeInstances.html",
    ),
    Rule(
        "unknown-action",
        "-",
        "An action that is not there: InvalidAction, as clean XML.",
        _ERRORS,
    ),
    Rule(
        "other-region",
        "all",
        "An endpoint answers for its own Region: AuthFailure for another.",
        _ERRORS,
    ),
    Rule(
        "volume-zone",
        "CreateVolume, AttachVolume",
        "Unknown zone: InvalidZone.NotFound; volume and instance in different zones: "
        "InvalidVolume.ZoneMismatch.",
        _ERRORS,
    ),
    Rule(
        "volume-states",
        "Create-, Attach-, Detach-, DeleteVolume",
        "creating, attaching, detaching and deleting take their time; attaching or "
        "deleting what is not available: IncorrectState.",
        f"{_EBS}/ebs-describing-volumes.html",
    ),
    Rule(
        "volume-in-use",
        "AttachVolume",
        "A volume that is attached: VolumeInUse.",
        _ERRORS,
    ),
    Rule(
        "detach-busy",
        "DetachVolume",
        "While it is mounted a volume is busy, until it is unmounted, the machine "
        "ends, or it is detached by force.",
        f"{_EBS}/ebs-detaching-volume.html",
    ),
    Rule(
        "device-name",
        "AttachVolume, RunInstances",
        "A device is named sdX or xvdX, else InvalidParameterValue or "
        "InvalidBlockDeviceMapping.",
        f"{_GUIDE}/device_naming.html",
    ),
    Rule(
        "launch-volumes",
        "RunInstances",
        "Volumes of the block device mapping, also from snapshots, are made with the "
        "machine, and stay when it is terminated unless DeleteOnTermination is set.",
        f"{_GUIDE}/block-device-mapping-concepts.html",
    ),
    Rule(
        "volume-grows",
        "ModifyVolume",
        "A volume only grows; one change at a time (IncorrectModificationState), "
        "four in 24 hours (VolumeModificationRateExceeded).",
        "https://github.com/awslabs/data-on-eks/pull/1106",
    ),
    Rule(
        "snapshots",
        "CreateSnapshot, CreateVolume",
        "A snapshot is pending, then completed, and only then a volume of any zone "
        "is made from it, no smaller than it; it holds what the volume held.",
        f"{_EBS}/ebs-creating-snapshot.html",
    ),
    Rule(
        "attach-states",
        "AttachVolume",
        "Only to a running or stopped instance: IncorrectState.",
        f"{_GUIDE}/ebs-attaching-volume.html",
    ),
    Rule(
        "device-in-use",
        "AttachVolume",
        "A device name in use: InvalidParameterValue.",
        _ERRORS,
    ),
    Rule(
        "delete-in-use",
        "DeleteVolume, DeleteNetworkInterface, ReleaseAddress",
        "What is in use stays: VolumeInUse, InvalidNetworkInterface.InUse, "
        "InvalidIPAddress.InUse.",
        _ERRORS,
    ),
    Rule(
        "detach",
        "DetachVolume",
        "InstanceId is optional; not attached: IncorrectState; the root volume of a "
        "running instance: OperationNotPermitted.",
        f"{_API}/API_DetachVolume.html",
    ),
    Rule(
        "images",
        "CreateImage, RunInstances",
        "Of a running or stopped machine; a running one is rebooted unless NoReboot; "
        "pending, then available, and only then launched; names are unique.",
        f"{_API}/API_CreateImage.html",
    ),
    Rule(
        "image-takes-volumes",
        "CreateImage, RunInstances",
        "Every attached volume becomes part of the image, and a launch makes copies, "
        "unless NoDevice leaves it out.",
        f"{_GUIDE}/creating-an-ami-ebs.html",
    ),
    Rule(
        "group-in-use",
        "DeleteSecurityGroup",
        "A security group in use: DependencyViolation.",
        _ERRORS,
    ),
    Rule(
        "group-rules",
        "Authorize-, RevokeSecurityGroupIngress",
        "Only what a rule names gets in, by protocol, ports and sender (addresses or "
        "members of a group); a change counts at once. Booted machines only.",
        _GROUPS,
    ),
    Rule(
        "group-answers",
        "-",
        "Answers pass without a rule, whatever is asked. Booted machines only.",
        _TRACKING,
    ),
    Rule(
        "group-change",
        "ModifyInstanceAttribute, ModifyNetworkInterfaceAttribute",
        "The groups of a running instance can be changed; an unknown one: "
        "InvalidGroup.NotFound.",
        f"{_GUIDE}/changing-security-group.html",
    ),
    Rule(
        "group-default",
        "RunInstances",
        "Without groups an instance is in the VPC's default group, which lets in its "
        "members only.",
        "https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html",
    ),
    Rule(
        "source-check",
        "-",
        "An instance can only send from its own address. Booted machines only.",
        f"{_GUIDE}/using-eni.html",
    ),
    Rule(
        "addresses",
        "RunInstances",
        "The private address is in the RunInstances answer, in the subnet, and "
        "returns to the pool at termination; no public one unless asked for.",
        f"{_GUIDE}/using-instance-addressing.html",
    ),
    Rule(
        "console",
        "GetConsoleOutput",
        "The last 64 KB of the console, base64, with the time of the last change.",
        f"{_API}/API_GetConsoleOutput.html",
    ),
    Rule(
        "imds-token",
        "metadata",
        "PUT /latest/api/token with a TTL of 1 to 21600 s; without a valid token 401.",
        _IMDS,
    ),
    Rule(
        "imds-forwarded",
        "metadata",
        "A request with X-Forwarded-For is refused with 403.",
        _IMDS,
    ),
    Rule(
        "imds-content",
        "metadata",
        "Identity, placement, raw user-data; spot/instance-action is 404 unless the "
        "instance is about to be interrupted.",
        f"{_GUIDE}/instancedata-data-categories.html",
    ),
    Rule(
        "imds-identity",
        "metadata",
        "The identity document, its RSA signature, and PKCS #7 with the document in "
        "it; pendingTime is renewed by a start.",
        f"{_GUIDE}/instance-identity-documents.html",
    ),
    Rule(
        "rebalance",
        "metadata",
        "events/recommendations/rebalance is 404 until EC2 recommends to leave.",
        f"{_GUIDE}/rebalance-recommendations.html",
    ),
    Rule(
        "spot-interruption",
        "-",
        "Two minutes' notice in the metadata, then terminated with "
        "Server.SpotInstanceTermination.",
        f"{_GUIDE}/spot-instance-termination-notices.html",
    ),
)


def as_markdown() -> str:
    """The table for the docs."""
    lines = ["| Action | What AWS does | Source |", "|---|---|---|"]
    for rule in RULES:
        title = rule.source.split("://", 1)[1]
        title = title.rsplit("#", 1)[0].removesuffix(".html")
        title = title.split("/", 1)[1] if title.startswith("github") else title
        if title.startswith("docs."):
            title = title.rsplit("/", 1)[1]
        lines.append(f"| {rule.action} | {rule.aws_does} | [{title}]({rule.source}) |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_markdown())
