"""What EC2 demands of RunInstances, and when it says no."""

from __future__ import annotations

from .rule import API, ERRORS, GUIDE, IDEMPOTENCY, RUN, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "token-same",
        "RunInstances",
        "The same client token with the same parameters gives the same instance.",
        IDEMPOTENCY,
    ),
    Rule(
        "token-mismatch",
        "RunInstances",
        "The same token with other parameters: IdempotentParameterMismatch.",
        IDEMPOTENCY,
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
        IDEMPOTENCY,
    ),
    Rule(
        "token-concurrent",
        "RunInstances",
        "Any number of callers with one token at once get one instance.",
        IDEMPOTENCY,
    ),
    Rule(
        "counts",
        "RunInstances",
        "As many instances as possible between MinCount and MaxCount.",
        RUN,
    ),
    Rule(
        "user-data-size",
        "RunInstances",
        "User-data over 16,384 raw bytes: InvalidUserData.Malformed.",
        f"{GUIDE}/user-data.html",
    ),
    Rule(
        "unknown-image",
        "RunInstances",
        "An unknown image: InvalidAMIID.NotFound; a malformed id: "
        "InvalidAMIID.Malformed.",
        ERRORS,
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
        ERRORS,
    ),
    Rule(
        "unknown-key-pair",
        "RunInstances",
        "An unknown key pair: InvalidKeyPair.NotFound.",
        ERRORS,
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
        "quota",
        "RunInstances",
        "Over the vCPU quota: VcpuLimitExceeded, HTTP 400.",
        "https://docs.aws.amazon.com/ec2/latest/instancetypes/"
        "ec2-instance-quotas.html",
    ),
    Rule(
        "free-plan",
        "RunInstances",
        "On the free plan most types are refused: InvalidParameterCombination, not "
        "eligible for Free Tier.",
        "https://github.com/aws-samples/eks-workshop-v2/issues/1644",
    ),
    Rule(
        "marketplace-terms",
        "RunInstances",
        "An image of the Marketplace whose terms are not accepted: OptInRequired, HTTP "
        "401, with the address where to accept them.",
        ERRORS,
    ),
    Rule(
        "dies-pending",
        "RunInstances",
        "An accepted launch can still die: pending to terminated, with a StateReason "
        "such as Server.InsufficientInstanceCapacity.",
        f"{API}/API_StateReason.html",
    ),
)
