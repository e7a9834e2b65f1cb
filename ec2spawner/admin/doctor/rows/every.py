"""All rows, in the order in which they are shown: each after what it builds on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..look.facts import Facts
from ..look.wants import Wants
from .account import plan, spot_role
from .acls import network_acls
from .check import Check
from .credentials import clock, credentials
from .groups import security_groups
from .hub_side import configuration, database, hub_address
from .images import data, images, key_pairs
from .leftovers import homes, keys, leftovers
from .network import dns, routes, subnets
from .region import answering, regions
from .rights import rights, too_wide
from .sizes import quotas, types

Row = Callable[[Wants, Facts], Iterator[Check]]

#: of this computer and the account
FIRST: tuple[Row, ...] = (configuration, credentials, clock, database, regions)
#: of the regions that answer
THEN: tuple[Row, ...] = (
    hub_address,
    subnets,
    routes,
    dns,
    network_acls,
    security_groups,
    images,
    data,
    key_pairs,
    types,
    plan,
    spot_role,
    quotas,
    rights,
    too_wide,
    keys,
    homes,
    leftovers,
)


def judge(wants: Wants, facts: Facts) -> list[Check]:
    """What all rows find."""
    found = [check for row in FIRST for check in row(wants, facts)]
    there = answering(facts)
    if there.regions:
        found += [check for row in THEN for check in row(wants, there)]
    return found
