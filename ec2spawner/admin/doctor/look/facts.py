"""All that doctor asks AWS, the database and this computer for, as plain data. Pure.

What nobody has answered is an ``Unknown``, which no judgement takes for a no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ....ec2.account.identity import Identity
from ....ec2.account.keys import Key
from ....ec2.account.quotas import Quota
from ....ec2.facts import Image, TypeFacts
from ....ec2.machines import Machine
from ....ec2.network.acls import Acl
from ....ec2.network.security_groups import Interface, SecurityGroup
from ....ec2.network.subnets import Routes, Subnet
from ....ec2.resources import Resource
from ....ec2.snapshots import Snapshot
from ....hub.database.records import Records


@dataclass(frozen=True)
class Unknown:
    """In the place of an answer that nobody gave.

    :ivar why: what AWS said instead, and what to do about it
    :ivar code: AWS's error code
    :ivar silent: nobody has answered at all
    """

    why: str
    code: str = ""
    silent: bool = False


@dataclass(frozen=True)
class Missing:
    """What a setting names does not exist, in AWS's or our own words."""

    why: str


@dataclass(frozen=True)
class Trial:
    """A call that was tried without making it.

    :ivar what: in words: ``launch t3.medium``
    :ivar should: whether the hub must be allowed it; else it must not
    :ivar refusal: AWS's words; empty when it would be allowed
    """

    what: str
    action: str
    should: bool
    refusal: str = ""
    unknown: str = ""


@dataclass(frozen=True)
class RegionFacts:
    """What there is in one region.

    :ivar subnets: that settings name, and those of the default VPC if some name none
    :ivar groups: that settings name, those of the Hub's computer, and the default
        groups of the VPCs
    :ivar images: by what settings say: text, and whose it may be
    :ivar zones: of instance types: where they are to be had
    :ivar quotas: by market and family
    :ivar running: all machines of the account that run
    """

    name: str
    subnets: Mapping[str, Subnet] | Unknown = field(default_factory=dict)
    default_subnets: Mapping[str, Subnet] | Unknown = field(default_factory=dict)
    groups: Mapping[str, SecurityGroup] | Unknown = field(default_factory=dict)
    default_groups: Mapping[str, SecurityGroup] | Unknown = field(default_factory=dict)
    routes: Sequence[Routes] | Unknown = ()
    acls: Sequence[Acl] | Unknown = ()
    #: VPC -> its DNS answers
    dns: Mapping[str, bool] | Unknown = field(default_factory=dict)
    #: of the computer that has the Hub's address
    hub: Interface | None | Unknown = None
    images: Mapping[tuple[str, tuple[str, ...]], Image | Missing | Unknown] = field(
        default_factory=dict
    )
    types: Mapping[str, TypeFacts] | Unknown = field(default_factory=dict)
    zones: Mapping[str, frozenset[str]] | Unknown = field(default_factory=dict)
    quotas: Mapping[tuple[str, str], Quota | Unknown] = field(default_factory=dict)
    running: Sequence[Machine] | Unknown = ()
    key_pairs: frozenset[str] | Unknown = frozenset()
    #: by what settings say
    keys: Mapping[str, Key | Missing | Unknown] = field(default_factory=dict)
    #: of data volumes
    snapshots: Mapping[str, Snapshot] | Unknown = field(default_factory=dict)
    #: of this hub, whatever their state
    machines: Mapping[str, Machine] | Unknown = field(default_factory=dict)
    resources: Sequence[Resource] | Unknown = ()
    trials: tuple[Trial, ...] = ()


@dataclass(frozen=True)
class Facts:
    """One look at everything."""

    identity: Identity | Unknown
    regions: Mapping[str, RegionFacts] = field(default_factory=dict)
    records: Records | Unknown = field(default_factory=Records)
    #: the address that machines are told is this computer's; None if they are told none
    hub_is_here: bool | None = None
    #: proxies that are set, and what they are not used for
    environment: Mapping[str, str] = field(default_factory=dict)
    #: how boto3 has found the credentials, in its word: iam-role, env, ...
    method: str = ""
    #: None where there is no such plan, and where nobody wants spot machines
    free_plan: bool | Unknown | None = None
    spot_role: bool | Unknown | None = None
    #: what is wrong with the configuration, and seldom meant, as the Hub tells it
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    now: float = 0.0
