"""How many machines of a type a zone has room for, and the account's vCPU quota."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .errors import AwsError


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


def room(
    capacity: Mapping[str, int],
    running: Iterable[tuple[str, str]],
    instance_type: str,
    zone: str,
) -> int | None:
    """How many more machines of a type fit in a zone; None for no limit."""
    for key in (f"{instance_type}/{zone}", f"{instance_type}/*", f"*/{zone}", "*"):
        if key in capacity:
            break
    else:
        return None
    wanted_type, _, wanted_zone = key.partition("/")
    used = sum(
        1
        for each_type, each_zone in running
        if wanted_type in ("*", each_type)
        # "type/*" is a limit for each zone by itself
        and (each_zone == zone or not wanted_zone)
    )
    return max(0, capacity[key] - used)


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


def over_quota(limit: int) -> AwsError:
    return AwsError(
        "VcpuLimitExceeded",
        "You have requested more vCPU capacity than your current vCPU limit of "
        f"{limit} allows for the instance bucket that the specified instance type "
        "belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to "
        "request an adjustment to this limit.",
    )
