"""What may go wrong with calls to EC2 on random days. A new kind is one line here."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from localec2 import ListingFault
from localec2.requests.wire import WIRE_FAULTS

#: every action that the product sends while servers come and go
ACTIONS = (
    "AttachVolume",
    "CreateSnapshot",
    "CreateTags",
    "CreateVolume",
    "DeleteSnapshot",
    "DeleteTags",
    "DeleteVolume",
    "DescribeImages",
    "DescribeInstanceTypes",
    "DescribeInstances",
    "DescribeSnapshots",
    "DescribeSubnets",
    "DescribeTags",
    "DescribeVolumes",
    "DetachVolume",
    "ModifyInstanceAttribute",
    "RunInstances",
    "StartInstances",
    "StopInstances",
    "TerminateInstances",
)

#: what may become of any call, by the name that the table of coverage gives it
ANY_CALL: Mapping[str, Mapping[str, Any]] = {
    **WIRE_FAULTS,
    "unavailable": {"error": ("Unavailable", 503)},
    "internal error": {"error": ("InternalError", 500)},
    "throttled": {"error": ("RequestLimitExceeded", 503)},
    "token expired": {"error": ("ExpiredToken", 400)},
    "answer late": {"delay_answer": 40.0},
}
LISTINGS = ("DescribeInstances",)
#: They may lack rows, too; of those here none is ever old. DescribeTags lacks none: of
#: a home that the database, all listings and the index lack nobody can know.
LISTINGS_OF_DISKS = ("DescribeVolumes", "DescribeSnapshots")
#: what may become of some
SOME_CALLS: Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]] = {
    "no capacity": (
        ("RunInstances", "StartInstances"),
        {"error": ("InsufficientInstanceCapacity", 500)},
    ),
    "no quota": (
        ("RunInstances", "StartInstances"),
        {"error": ("VcpuLimitExceeded", 400)},
    ),
    "dies pending": (
        ("RunInstances", "StartInstances"),
        {"state_reason": ("Server.InternalError", "error on launch")},
    ),
    "cannot stop": (("StopInstances",), {"error": ("UnsupportedOperation", 400)}),
    "size cannot change": (
        ("ModifyInstanceAttribute",),
        {"error": ("Unsupported", 400)},
    ),
    "lists nothing": (
        LISTINGS + LISTINGS_OF_DISKS,
        {"listing": ListingFault(omit=("*",))},
    ),
    "knows nothing": (
        LISTINGS + LISTINGS_OF_DISKS,
        {"listing": ListingFault(omit=("*",), by_id=True)},
    ),
    "lists what was": (LISTINGS, {"listing": ListingFault(seconds_old=45)}),
    "lists what was long ago": (LISTINGS, {"listing": ListingFault(seconds_old=100)}),
    "lists all twice": (LISTINGS, {"listing": ListingFault(repeat=True)}),
    "lists in another order": (LISTINGS, {"listing": ListingFault(reorder=True)}),
    "no room for volumes": (("CreateVolume",), {"error": ("VolumeLimitExceeded", 400)}),
}
FAULTS: Mapping[str, Mapping[str, Any]] = {
    **ANY_CALL,
    **{name: what for name, (_, what) in SOME_CALLS.items()},
}


def kinds_of(action: str) -> list[str]:
    """The names of all that may become of a call."""
    some = [name for name, (actions, _) in SOME_CALLS.items() if action in actions]
    return [*ANY_CALL, *some]


def kind_of(fault: Any) -> str:
    """The name of a scripted fault; empty of one that does no harm."""
    for name, what in FAULTS.items():
        if all(getattr(fault, field) == value for field, value in what.items()):
            return name
    return ""


#: (action, kind): "*" is an outage
SINGLE = [(action, kind) for action in ACTIONS for kind in kinds_of(action)]
OUTAGES = [("*", "unavailable"), ("*", "lost before EC2"), ("*", "throttled")]

#: a server as a call to EC2 finds it, from nothing to its machine's end
PHASES = (
    "none",
    "planned",
    "requested",
    "booting",
    "claimed",
    "ready",
    "ending",
    "stopped",
)


def cells(reached: Mapping[str, frozenset[str]]) -> list[tuple[str, str, str]]:
    """All (action, kind, phase) that a day can aim at, in an order that mixes them.

    :param reached: action -> the phases in which servers are when it is sent
    """
    found = [
        (action, kind, phase)
        for action, kind in SINGLE
        for phase in PHASES
        if phase in reached.get(action, PHASES)
    ]
    random.Random(0).shuffle(found)
    return found
