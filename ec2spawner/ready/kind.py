"""Kinds of ready machines: which can be given to a start that plans its own. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..core.ids import digest
from ..core.tags import OWNER_TAG, READY_TAG, SERVER_TAG
from ..launch.plan import Candidate, LaunchPlan

# What differs between two launches of one kind: whose it is, and what user-data says of
# it, which is told apart. The zone is known of the machine itself.
_OF_ONE_LAUNCH = frozenset({"UserData", "TagSpecifications", "Placement"})
# Nobody's yet: these come when it is given away.
_LATER = frozenset({SERVER_TAG, OWNER_TAG})
_NAME = "ec2spawner-ready"


def kind_of(request: Mapping[str, Any], told: str) -> str:
    """The kind of the machine that a RunInstances request makes, 20 hexadecimal digits.

    :param told: what its user-data says (``launch.user_data.told_at_launch``)
    """
    fixed = {k: v for k, v in request.items() if k not in _OF_ONE_LAUNCH}
    return digest(told, json.dumps(fixed, sort_keys=True, default=str))[:20]


def kinds_of(plan: LaunchPlan, told: str) -> dict[str, Candidate]:
    """Kind -> candidate of a plan, in the order of its preference."""
    found: dict[str, Candidate] = {}
    for candidate in plan.candidates:
        found.setdefault(kind_of(candidate.request, told), candidate)
    return found


def as_ready(plan: LaunchPlan, told: str) -> LaunchPlan:
    """The same plan for a machine that nobody has yet: its tags say which kind it is,
    and not whose."""
    found = [
        replace(each, request=_tagged(each.request, kind_of(each.request, told)))
        for each in plan.candidates
    ]
    return replace(plan, candidates=tuple(found))


def _tagged(request: Mapping[str, Any], kind: str) -> dict[str, Any]:
    own = {"Name": _NAME, READY_TAG: kind}
    specifications = [
        {**each, "Tags": [*_without(each["Tags"]), *_pairs(own)]}
        for each in request["TagSpecifications"]
    ]
    return {**request, "TagSpecifications": specifications}


def _without(pairs: Iterable[Mapping[str, str]]) -> list[Mapping[str, str]]:
    return [pair for pair in pairs if pair["Key"] not in _LATER | {"Name"}]


def _pairs(tags: Mapping[str, str]) -> list[Mapping[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
