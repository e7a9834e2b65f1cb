"""What can be set on a local EC2. All times are in seconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: action or pattern ("Describe*") -> (bucket size, refill per second)
Throttle = Mapping[str, tuple[float, float]]

#: AWS's documented request buckets per account and Region. The first pattern that
#: matches an action counts.
#: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
AWS_THROTTLE: Throttle = {
    "RunInstances": (5, 2),
    "StartInstances": (5, 2),
    "TerminateInstances": (100, 5),
    "CreateTags": (100, 10),
    "DeleteTags": (100, 10),
    "CopyImage": (100, 1),
    "CreateVolume": (100, 5),
    "DeleteVolume": (100, 5),
    "CreateSnapshot": (100, 5),
    "DeleteSnapshot": (100, 5),
    "CreateNetworkInterface": (100, 5),
    "DeleteNetworkInterface": (100, 5),
    "DeregisterImage": (100, 5),
    "AssociateIamInstanceProfile": (100, 5),
    "DisassociateIamInstanceProfile": (100, 5),
    "ModifyInstanceMetadataOptions": (100, 5),
    "ModifyNetworkInterfaceAttribute": (100, 5),
    "AuthorizeSecurityGroupIngress": (50, 5),
    "CreateKeyPair": (50, 5),
    "RequestSpotInstances": (50, 5),
    "DescribeInstances:unfiltered": (50, 10),
    "DescribeInstanceStatus:unfiltered": (50, 10),
    "DescribeNetworkInterfaces:unfiltered": (50, 10),
    "DescribeVolumes:unfiltered": (50, 10),
    "DescribeSnapshots:unfiltered": (50, 10),
    "DescribeSecurityGroups:unfiltered": (50, 10),
    "DescribeSpotInstanceRequests:unfiltered": (50, 10),
    "Describe*": (100, 20),
    "Get*": (100, 20),
    "*": (50, 5),
}


#: kinds of machine that boot a Linux of their own
BOOTED = ("nspawn", "qemu")
KINDS = ("process", *BOOTED, "none")
#: the distributions that machines can be; `roots.recipe` has what each is made of
SUITES = ("bookworm", "trixie", "noble")


#: fields that JSON brings as lists
_TUPLES = (
    "path_prefix",
    "disrupted_zones",
    "denied",
    "marketplace_images",
    "outside",
    "index_urls",
    "regions",
)
#: so many Regions find room in the network
_MOST_REGIONS = 5


@dataclass(frozen=True)
class LocalSettings:
    """Settings of a local EC2; every one can be changed while it runs."""

    #: from the RunInstances or StartInstances answer to ``running``
    pending_seconds: float = 0.3
    #: the least time a stop takes; the machine may need longer to end
    stopping_seconds: float = 0.3
    #: the least time a termination takes
    shutting_down_seconds: float = 0.3
    #: how long a machine may take to end on a stop before it is cut off
    stop_grace_seconds: float = 5.0
    #: how long after its boot a machine cannot hibernate yet (AWS: a minute or two)
    hibernation_ready_seconds: float = 0.0
    #: machines fail to hibernate inside, and shut down as ever
    hibernation_fails: bool = False
    #: how long a machine may take to end on a termination before it is cut off
    terminate_grace_seconds: float = 1.0
    #: how long a terminated instance is still listed (AWS: about an hour)
    terminated_visible_seconds: float = 3600.0
    #: how long a terminated instance keeps its tags; None for as long as it is listed
    #: (AWS: a short while)
    terminated_tags_seconds: float | None = None
    #: zones with a service disruption: calls fail that name instances there, or none
    disrupted_zones: tuple[str, ...] = ()
    #: how long a volume takes to be created, attached, detached, grown or deleted, each
    volume_seconds: float = 0.1
    #: the least time that a snapshot or an image is ``pending``
    snapshot_seconds: float = 0.1
    #: for how long no call but RunInstances knows about a new instance
    consistency_seconds: float = 0.0
    #: how old a machine's console output is when GetConsoleOutput shows it
    console_delay_seconds: float = 0.0
    #: "newest-first": a freed address is given out again at once (the worst case).
    #: "unused-first": only when every other address has been used.
    address_reuse: str = "newest-first"
    #: request buckets, empty for none; see `AWS_THROTTLE`
    throttle: Throttle = field(default_factory=dict)
    #: machines that may run at once, by "type/zone", "type/*", "*/zone" or "*";
    #: with "spot:" or "on-demand:" before it, those of one market
    capacity: Mapping[str, int] = field(default_factory=dict)
    #: vCPU quota by bucket: "standard", "g", "p", ... for on-demand machines,
    #: "spot:standard", ... for spot machines
    vcpu_quota: Mapping[str, int] = field(default_factory=dict)
    #: EC2's actions that nobody may call, with wildcards: UnauthorizedOperation
    denied: tuple[str, ...] = ()
    #: what the credentials may ask of EC2, as an IAM policy; empty for everything
    policy: Mapping[str, Any] = field(default_factory=dict)
    #: the account is on AWS's free plan, which has few instance types
    free_plan: bool = False
    #: images of the Marketplace whose terms the account has not accepted
    marketplace_images: tuple[str, ...] = ()
    #: "process" (a process tree), "nspawn" (a Linux that boots in a container), "qemu"
    #: (a computer of its own) or "none" (instances without a machine); cannot be
    #: changed while it runs. The two that boot need root.
    machines: str = "process"
    #: the distribution of machines that boot: "bookworm" or "trixie" (Debian 12 and
    #: 13) or "noble" (Ubuntu 24.04); cannot be changed while it runs
    suite: str = "bookworm"
    #: further Regions of the account, at the same endpoint; cannot be changed while it
    #: runs
    regions: tuple[str, ...] = ()
    #: what machines may reach beyond their VPC, as "HOST:PORT" with wildcards in the
    #: host: package registries. Empty: nothing. Machines of "nspawn" only.
    outside: tuple[str, ...] = ()
    #: package indexes for pip and uv on machines that have a way out, the first one in
    #: place of theirs; empty for theirs
    index_urls: tuple[str, ...] = ()
    #: a file of this computer with the certificates that such machines trust; empty for
    #: their own
    ca_bundle: str = ""
    #: by how much the clock of a machine is wrong at power-on; only those of "qemu"
    #: have one of their own
    clock_offset_seconds: float = 0.0
    #: directories put in front of a process machine's PATH
    path_prefix: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.address_reuse not in ("newest-first", "unused-first"):
            raise ValueError(
                "address_reuse must be 'newest-first' or 'unused-first', "
                f"not {self.address_reuse!r}"
            )
        if self.machines not in KINDS:
            kinds = ", ".join(repr(kind) for kind in KINDS)
            raise ValueError(f"machines must be one of {kinds}, not {self.machines!r}")
        if self.clock_offset_seconds and self.machines != "qemu":
            raise ValueError(
                "clock_offset_seconds needs machines='qemu': others have the clock of "
                "this computer"
            )
        if len(self.regions) >= _MOST_REGIONS:
            raise ValueError(f"regions: {_MOST_REGIONS - 1} further ones at most")
        if self.outside and self.machines != "nspawn":
            raise ValueError(
                "outside needs machines='nspawn': process machines reach whatever this "
                "computer does, and others nothing"
            )
        if self.suite not in SUITES:
            suites = ", ".join(repr(suite) for suite in SUITES)
            raise ValueError(f"suite must be one of {suites}, not {self.suite!r}")

    def changed(self, changes: Mapping[str, Any]) -> LocalSettings:
        """A copy with some settings changed. Unknown names are an error."""
        known = {f.name for f in dataclasses.fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        values = dict(changes)
        if "throttle" in values:
            values["throttle"] = {
                k: (float(v[0]), float(v[1])) for k, v in values["throttle"].items()
            }
        for name in _TUPLES:
            if name in values:
                values[name] = tuple(values[name])
        return dataclasses.replace(self, **values)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return dataclasses.asdict(
            dataclasses.replace(
                self,
                throttle=dict(self.throttle),
                capacity=dict(self.capacity),
                vcpu_quota=dict(self.vcpu_quota),
            )
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LocalSettings:
        return cls().changed(values)
