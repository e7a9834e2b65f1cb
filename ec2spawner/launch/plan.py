"""Settings + identity -> LaunchPlan. Pure: requests are made here, sent elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import EC2SpawnError, Reason
from ..core.ids import owner_id
from ..core.tags import (
    DATABASE_TAG,
    HUB_TAG,
    LAUNCH_TAG,
    LEASE_TAG,
    OWNER_TAG,
    SERVER_TAG,
    lease_text,
    tag_value,
)
from ..ec2.facts import Image, Region
from ..ec2.tags import specification
from ..settings import LaunchSettings
from . import hibernation
from .block_devices import data_volumes, root_volume

_CHANGEABLE = {"InstanceType", "UserData", "TagSpecifications", "ClientToken"}
# Which of a launch's candidates a machine was depends on what EC2 had.
_OF_CANDIDATES = {"Placement", "HibernationOptions"}
_TAGGED_AT_LAUNCH = ("instance", "volume", "network-interface")

ON_DEMAND, SPOT = "on-demand", "spot"
# The setting ``market`` -> the markets that a launch tries, in order.
MARKETS = {
    "on-demand": (ON_DEMAND,),
    "spot": (SPOT,),
    "spot-then-on-demand": (SPOT, ON_DEMAND),
}
# Of an instance type that EC2 does not list.
_NOT_HERE = "not in this region"


@dataclass(frozen=True)
class LaunchIdentity:
    """Whose machine it will be. The names are cosmetic, the ids are not."""

    hub_id: str
    server_id: str
    launch_id: str
    username: str = ""
    servername: str = ""
    #: seconds since the epoch until when it may live without a Hub; 0 for no word
    lease_until: float = 0.0
    #: the name of the Hub's database; empty when it has none
    database: str = ""


@dataclass(frozen=True)
class Candidate:
    """One (market, instance type, subnet) that a launch may try.

    ``subnet`` is empty for the default VPC; ``zone`` when nobody has said it. The
    request differs between launches, and does not count in comparisons.
    """

    market: str
    instance_type: str
    subnet: str
    request: Mapping[str, Any] = field(compare=False)
    zone: str = ""
    #: what is in its memory can be kept when it stops
    hibernates: bool = False

    def __str__(self) -> str:
        return f"{self.machine} in {self.zone or self.subnet or 'any zone'}"

    @property
    def machine(self) -> str:
        """In words: ``t3.large``, or ``spot t3.large``."""
        spot = self.market == SPOT
        return f"spot {self.instance_type}" if spot else self.instance_type

    @property
    def place(self) -> str:
        """In words, to follow the machine: ``in us-west-2a``."""
        if self.zone:
            return f"in {self.zone}"
        return "there" if self.subnet else "in any zone"


@dataclass(frozen=True)
class LaunchPlan:
    """Candidates in order of preference, each one RunInstances request.

    The requests lack ``ClientToken``: it belongs to the attempt.
    """

    launch_id: str
    candidates: tuple[Candidate, ...]
    #: where the user's home is; empty when there is none yet
    home_zone: str = ""

    @property
    def fingerprint(self) -> str:
        """Of a machine that can be stopped: of no spot machine if there is a choice."""
        requests = [each.request for each in self.candidates]
        stay = (r for r in requests if "InstanceMarketOptions" not in r)
        return fingerprint(next(stay, requests[0]))


def plan_launch(
    settings: LaunchSettings,
    image: Image,
    who: LaunchIdentity,
    user_data: bytes,
    region: Region = Region(),
    home_zone: str = "",
) -> LaunchPlan:
    """Turn settings into the requests of one launch.

    The market changes last: who allows spot machines first wants any of them
    before one that costs more. Then the type, because the user chose a size and
    not a zone. The subnet changes first.

    But whatever can be had where the home is comes before all that would make it move.

    :param user_data: at most 16,384 bytes, as ``claim.user_data`` makes it
    :param home_zone: binds the machine to itself, unless the home may move; empty for
        no home, or for one that is still to be made
    :raises EC2SpawnError: when no candidate can work
    """
    types = _fitting_types(settings.types, image, region)
    able = hibernation.able_types(settings, types, image, region.types)
    places = _places(settings.subnets, region, home_zone, settings.home_may_move)
    candidates = [
        Candidate(
            market,
            instance_type,
            place.subnet,
            _run_instances(
                settings,
                image,
                who,
                user_data,
                market,
                instance_type,
                place,
                hibernates,
            ),
            place.zone,
            hibernates,
        )
        for market in MARKETS[settings.market]
        for instance_type in types
        for place in places
        for hibernates in _ways(market, instance_type in able)
    ]
    if home_zone:
        candidates.sort(key=lambda candidate: candidate.zone != home_zone)
    return LaunchPlan(who.launch_id, tuple(candidates), home_zone)


def _ways(market: str, able: bool) -> tuple[bool, ...]:
    """Whether it hibernates. If EC2 says that it cannot after all, it need not."""
    return (True, False) if able and market != SPOT else (False,)


def _fitting_types(types: Sequence[str], image: Image, region: Region) -> list[str]:
    """The types whose processors run the image, as far as that is known."""
    why_not = {}
    for each in types:
        known = region.architectures.get(each)
        if known is None or not image.architecture or image.architecture in known:
            continue
        why_not[each] = "/".join(sorted(known)) or _NOT_HERE
    fitting = [each for each in types if each not in why_not]
    if not fitting and set(why_not.values()) == {_NOT_HERE}:
        raise EC2SpawnError(
            "AWS has no machines of this size in this hub's region. Choose another "
            "size, and please tell your hub's admin.",
            reason=Reason.CONFIG,
            log_message="the region has no instance type of the name "
            f"{' or '.join(why_not)}: is it a slip of the pen?",
        )
    if not fitting:
        reasons = ", ".join(f"{each} ({why})" for each, why in why_not.items())
        raise EC2SpawnError(
            "The size of this server and its image do not go together. "
            "Please tell your hub's admin.",
            reason=Reason.CONFIG,
            log_message=f"image {image.id} is for {image.architecture} processors, "
            f"and none of the instance types has those: {reasons}",
        )
    return fitting


@dataclass(frozen=True)
class _Place:
    subnet: str
    zone: str
    #: the zone must be asked for, because no subnet implies it
    asked: bool = False


def _places(
    subnets: Sequence[str], region: Region, home_zone: str, home_may_move: bool
) -> list[_Place]:
    if not subnets:
        # A default VPC has one default subnet in each zone.
        at_home, anywhere = _Place("", home_zone, True), _Place("", "")
        if not home_zone:
            return [anywhere]
        return [at_home, anywhere] if home_may_move else [at_home]
    places = [_Place(subnet, region.zones.get(subnet, "")) for subnet in subnets]
    if not home_zone or home_may_move:
        return places
    found = [place for place in places if place.zone == home_zone]
    if not found and not all(place.zone for place in places):
        raise EC2SpawnError(
            f"Your home is in {home_zone}, and AWS does not say just now where this "
            "hub's machines can be. Nothing is lost. Try again in a minute, and tell "
            "your hub's admin when it stays so.",
            reason=Reason.HOME,
            log_message=f"the zones of the subnets {', '.join(subnets)} are not known: "
            "DescribeSubnets has failed, or shows none of some; or let homes move "
            "(home_may_move)",
        )
    if not found:
        raise EC2SpawnError(
            f"Your home is in {home_zone}, where this hub has no machines any more. "
            "Nothing is lost. Please tell your hub's admin.",
            reason=Reason.HOME,
            log_message=f"none of the subnets {', '.join(subnets)} is known to be in "
            f"{home_zone}; give one that is, or let homes move (home_may_move)",
        )
    return found


def fingerprint(request: Mapping[str, Any]) -> str:
    """What two machines must share for one to serve in the other's place.

    Made of a RunInstances request without what can be changed while a machine is
    stopped (EC2 API reference, ModifyInstanceAttribute), without names, and without
    the place, which a machine keeps.
    """
    without = _CHANGEABLE | _OF_CANDIDATES
    fixed = {name: value for name, value in request.items() if name not in without}
    fixed["NetworkInterfaces"] = [
        {name: value for name, value in interface.items() if name != "SubnetId"}
        for interface in request["NetworkInterfaces"]
    ]
    text = json.dumps(fixed, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _run_instances(
    settings: LaunchSettings,
    image: Image,
    who: LaunchIdentity,
    user_data: bytes,
    market: str,
    instance_type: str,
    place: _Place,
    hibernates: bool,
) -> dict[str, Any]:
    """One RunInstances request (EC2 API reference, RunInstances)."""
    spot = market == SPOT
    tagged = (*_TAGGED_AT_LAUNCH, *(("spot-instances-request",) if spot else ()))
    request: dict[str, Any] = {
        "ImageId": image.id,
        "InstanceType": instance_type,
        "MinCount": 1,
        "MaxCount": 1,
        "UserData": user_data,
        # The agent powers off a machine that nobody wants: that must end it, unless
        # the machine may be wanted again. One-time spot machines cannot be stopped.
        "InstanceInitiatedShutdownBehavior": (
            "terminate" if spot or settings.on_stop == "terminate" else "stop"
        ),
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 1,
            "InstanceMetadataTags": "disabled",
        },
        "NetworkInterfaces": [_network_interface(settings, place.subnet)],
        "BlockDeviceMappings": [
            root_volume(settings, image),
            *data_volumes(settings, image),
        ],
        "TagSpecifications": [
            specification(kind, tags_for(settings, who)) for kind in tagged
        ],
    }
    if hibernates:
        request["HibernationOptions"] = {"Configured": True}
    if place.asked:
        request["Placement"] = {"AvailabilityZone": place.zone}
    if spot:
        # One-time: a request that stays open would make machines nobody knows of.
        request["InstanceMarketOptions"] = {
            "MarketType": "spot",
            "SpotOptions": {
                "SpotInstanceType": "one-time",
                "InstanceInterruptionBehavior": "terminate",
            },
        }
    if settings.key_name:
        request["KeyName"] = settings.key_name
    if profile := settings.iam_instance_profile:
        kind = "Arn" if profile.startswith("arn:") else "Name"
        request["IamInstanceProfile"] = {kind: profile}
    return request


def _network_interface(settings: LaunchSettings, subnet: str) -> dict[str, Any]:
    # A public address can only be refused here, not at the top of the request,
    # and default subnets give one unless it is refused.
    interface: dict[str, Any] = {
        "DeviceIndex": 0,
        "AssociatePublicIpAddress": settings.public_ip,
        "DeleteOnTermination": True,
    }
    if subnet:
        interface["SubnetId"] = subnet
    if settings.security_groups:
        interface["Groups"] = list(settings.security_groups)
    return interface


def tag_values(
    settings: LaunchSettings, username: str, servername: str
) -> dict[str, str]:
    """The admin's tags for what is made for one server."""
    values = {}
    for key, value in settings.tags.items():
        text = value.format(username=username, servername=servername)
        values[key] = tag_value(text)
    return values


def tags_for(settings: LaunchSettings, who: LaunchIdentity) -> dict[str, str]:
    """The tags of all that a launch makes."""
    tags = {"Name": f"ec2spawner-{who.server_id[:8]}"}
    tags |= tag_values(settings, who.username, who.servername)
    tags |= {
        HUB_TAG: who.hub_id,
        SERVER_TAG: who.server_id,
        OWNER_TAG: owner_id(who.hub_id, who.username),
        LAUNCH_TAG: who.launch_id,
    }
    if who.database:
        tags[DATABASE_TAG] = who.database
    if who.lease_until:
        tags[LEASE_TAG] = lease_text(who.lease_until)
    return tags
