"""Whatever becomes of a call on its way to EC2 and back, nothing is lost by it."""

from __future__ import annotations

import pytest

from ec2spawner.ec2.throttle import LIMITS

from .wire_cases import CALLS, ERRANDS, FAULTS, HubOnTheWire

ONCE, AS_LONG_AS_ONE_WAITS = 1, None
#: of what stays, one of each kind: EC2 has done it, or has not, or does it later
STAYS = (
    "cut in its middle",
    "lost before EC2",
    "a page that says 403",
    "40 s late at EC2",
    "40 s late from EC2",
)
FEW = (
    "the first start",
    "waking up in another size",
    "going to rest",
    "the end of a machine",
    "the deletion of a home",
)


def one_way_for_each_call(world, name):
    hub = HubOnTheWire(world, name)
    for number, (errand, action) in enumerate(CALLS):
        if errand == name:
            hub.go_wrong(action, list(FAULTS)[number % len(FAULTS)], ONCE)
    hub.check_the_end()


@pytest.mark.parametrize("name", FEW)
def test_a_call_that_goes_wrong_on_its_way_costs_a_click_at_most(world, name):
    one_way_for_each_call(world, name)


def test_a_request_that_ec2_sees_twice_leaves_one_archive_of_a_home(world):
    """CreateSnapshot knows no client token."""
    hub = HubOnTheWire(world, "the deletion of a home that is kept as a snapshot")
    hub.go_wrong("CreateSnapshot", "seen twice", ONCE)
    hub.check_the_end()


@pytest.mark.slow
@pytest.mark.parametrize("name, action", CALLS)
def test_any_call_may_go_wrong_once_in_any_way(world, name, action):
    hub = HubOnTheWire(world, name)
    for way in FAULTS:
        hub.go_wrong(action, way, ONCE)
    hub.check_the_end()


@pytest.mark.slow
@pytest.mark.parametrize("name, action", CALLS)
def test_any_call_may_go_wrong_for_as_long_as_its_user_waits(world, name, action):
    hub = HubOnTheWire(world, name)
    for way in STAYS:
        hub.go_wrong(action, way, AS_LONG_AS_ONE_WAITS)
    hub.check_the_end()


def test_each_call_of_the_product_is_tried():
    sent = {name for name in LIMITS if "(" not in name}
    # Nobody's server waits for a price, and nothing is lost without one.
    sent -= {"GetProducts", "DescribeSpotPriceHistory"}
    # Of those who make images, which no start waits for: tests/unit/images.
    sent -= {"CreateImage", "DeregisterImage"}
    # Of people at a command line, who give it again: tests/ec2/test_shelf.py.
    sent -= {"CopyImage", "ModifyImageAttribute", "ModifySnapshotAttribute"}
    # Of `ec2spawner doctor`, which changes nothing: tests/ec2/test_doctor.py.
    sent -= {"GetCallerIdentity", "GetServiceQuota", "DescribeKeyPairs"}
    sent -= {"DescribeRouteTables", "DescribeSecurityGroups", "DescribeVpcAttribute"}
    sent -= {"DescribeInstanceTypeOfferings", "DescribeKey", "DescribeNetworkAcls"}
    sent -= {"GetAccountPlanState", "GetRole"}
    assert sent == {action for _, action in CALLS}
    assert set(FEW) <= set(ERRANDS) and set(STAYS) <= set(FAULTS)
