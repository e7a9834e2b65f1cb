"""Whether there is a region of that name, for this account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ....hub.checks.variants import names
from ..look.facts import Facts, RegionFacts, Unknown
from ..look.wants import Wants
from .check import Check, problem

# In a region that the account has not opted in to (EC2 API reference, error codes).
_NOT_OURS = frozenset(
    "AuthFailure OptInRequired UnrecognizedClientException InvalidClientTokenId".split()
)


def regions(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Those that do not answer this account."""
    for region in facts.regions.values():
        why = f"Nothing can be launched there, for {names(wants.of(region.name))}."
        look = f"aws ec2 describe-regions --all-regions --region-names {region.name}"
        if is_silent(region):
            says = f"EC2 does not answer for {region.name}: {_said(region)}."
            yield problem("region", region.name, says, why, look)
        elif is_closed(region):
            says = f"{region.name} does not know this account: {_said(region)}."
            enable = f"aws account enable-region --region-name {region.name}"
            yield problem("region", region.name, says, why, enable)


def is_silent(region: RegionFacts) -> bool:
    return isinstance(region.running, Unknown) and region.running.silent


def is_closed(region: RegionFacts) -> bool:
    return isinstance(region.running, Unknown) and region.running.code in _NOT_OURS


def _said(region: RegionFacts) -> str:
    return region.running.why if isinstance(region.running, Unknown) else ""


def answering(facts: Facts) -> Facts:
    """Without the regions of which nothing else can be known."""
    found = {
        name: region
        for name, region in facts.regions.items()
        if not (is_silent(region) or is_closed(region))
    }
    return replace(facts, regions=found)
