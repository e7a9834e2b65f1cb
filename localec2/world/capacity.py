"""How many machines of a type a zone has room for, and the account's vCPU quota."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..errors import AwsError


def quota_bucket(instance_type: str) -> str:
    """The vCPU quota an instance type counts against.

    https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
    """
    family = instance_type.split(".", 1)[0]
    letters = ""
    for char in family:
        if not char.isalpha():
            break
        letters += char
    if letters in ("g", "vt", "gr"):
        return "g"
    if letters in ("a", "c", "d", "h", "i", "m", "r", "t", "z", "im", "is"):
        return "standard"
    return letters


def market_of(lifecycle: str | None) -> str:
    """The market of an instance, by its InstanceLifecycle."""
    return "spot" if lifecycle == "spot" else "on-demand"


def room(
    capacity: Mapping[str, int],
    running: Iterable[tuple[str, str, str]],
    market: str,
    instance_type: str,
    zone: str,
) -> int | None:
    """How many more machines of a type fit in a zone; None for no limit.

    :param capacity: by "type/zone", "type/*", "*/zone" or "*", the first that is
        there counts. With "spot:" or "on-demand:" before it a limit is of that
        market alone, and counts before one of both.
    :param running: (market, type, zone) of each machine
    """
    places = (f"{instance_type}/{zone}", f"{instance_type}/*", f"*/{zone}", "*")
    for place in places:
        for key in (f"{market}:{place}", place):
            if key in capacity:
                return max(0, capacity[key] - _used(running, key, place, zone))
    return None


def _used(
    running: Iterable[tuple[str, str, str]], key: str, place: str, zone: str
) -> int:
    """How many machines a limit counts."""
    wanted_market = key.removesuffix(place).rstrip(":")
    wanted_type, _, wanted_zone = place.partition("/")
    return sum(
        1
        for market, each_type, each_zone in running
        if wanted_market in ("", market) and wanted_type in ("*", each_type)
        # "type/*" is a limit for each zone by itself
        and (each_zone == zone or not wanted_zone)
    )


def no_capacity(instance_type: str, zone: str, others: Sequence[str]) -> AwsError:
    """InsufficientInstanceCapacity, HTTP 500, in AWS's words.

    AWS names the zones that have capacity; several public logs show the same text.
    """
    text = (
        f"We currently do not have sufficient {instance_type} capacity in the "
        f"Availability Zone you requested ({zone}). Our system will be working on "
        "provisioning additional capacity."
    )
    if others:
        text += (
            f" You can currently get {instance_type} capacity by not specifying an "
            f"Availability Zone in your request or choosing {', '.join(others)}."
        )
    return AwsError("InsufficientInstanceCapacity", text, 500)


def no_spot_capacity() -> AwsError:
    """Spot has words of its own, and recommends no zone."""
    return AwsError(
        "InsufficientInstanceCapacity",
        "There is no Spot capacity available that matches your request.",
        500,
    )


def over_quota(limit: int, market: str) -> AwsError:
    if market == "spot":
        # https://github.com/meadowdata/meadowrun/issues/84
        return AwsError(
            "MaxSpotInstanceCountExceeded", "Max spot instance count exceeded"
        )
    return AwsError(
        "VcpuLimitExceeded",
        "You have requested more vCPU capacity than your current vCPU limit of "
        f"{limit} allows for the instance bucket that the specified instance type "
        "belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to "
        "request an adjustment to this limit.",
    )
