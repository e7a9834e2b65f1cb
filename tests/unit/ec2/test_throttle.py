import ast
import asyncio
from pathlib import Path

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ec2spawner.ec2
from ec2spawner.ec2.throttle import (
    LIMITS,
    Limit,
    RetryBudget,
    Throttle,
    TokenBucket,
    UnknownActionError,
)
from localec2 import AWS_THROTTLE
from localec2.requests.throttle import limit_for

#: a lane's name for it -> boto3's
SERVICES = {
    "ec2": "ec2",
    "freetier": "freetier",
    "iam": "iam",
    "kms": "kms",
    "pricing": "pricing",
    "quotas": "service-quotas",
    "ssm": "ssm",
    "sts": "sts",
}
#: of other services
OF_OTHERS = (
    *("DescribeKey", "GetCallerIdentity", "GetParameter", "GetProducts"),
    "GetServiceQuota",
    "GetAccountPlanState",
    "GetRole",
)


class Clock:
    """Time that passes only when somebody sleeps, or says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds


def test_a_burst_goes_through_at_once_and_the_next_waits_its_turn():
    clock = Clock()
    calls = TokenBucket(5, 2, clock)
    assert [calls.reserve() for _ in range(5)] == [0] * 5
    assert calls.wait() == 0.5
    assert calls.reserve() == 0.5
    assert calls.reserve() == 1


def test_an_idle_bucket_is_never_fuller_than_its_burst():
    clock = Clock()
    calls = TokenBucket(5, 2, clock)
    clock.now = 1000
    assert [calls.reserve() for _ in range(5)] == [0] * 5
    assert calls.wait() > 0


async def test_who_gives_up_leaves_their_place_to_the_next():
    throttle = Throttle({"RunInstances": Limit(1.25, 0.001)})
    await throttle.take("RunInstances")
    first, second = (asyncio.ensure_future(throttle.take("RunInstances")) for _ in "ab")
    await asyncio.sleep(0)
    assert throttle.ahead("RunInstances") == 2
    before = throttle.wait("RunInstances")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert throttle.ahead("RunInstances") == 1
    assert throttle.wait("RunInstances") < before - 900
    second.cancel()


async def test_first_come_is_first_served():
    clock, order = Clock(), []
    throttle = Throttle(clock=clock, sleep=clock.sleep)

    async def launch(number):
        await throttle.take("RunInstances")
        order.append(number)

    await asyncio.gather(*map(launch, range(30)))
    assert order == list(range(30))


async def test_after_a_standstill_no_crowd_leaves_together():
    clock, left = Clock(), []

    async def oversleep(seconds):
        # The computer stands still for a minute, once.
        clock.now += 60 if clock.now < 60 else seconds

    throttle = Throttle(clock=clock, sleep=oversleep)
    for _ in range(20):
        await throttle.take("RunInstances")
        left.append(clock.now)
    assert left.count(0) == 4
    assert left.count(60) == 4


@given(st.lists(st.floats(0, 3), max_size=60))
def test_never_more_calls_than_awss_own_bucket_would_take(pauses):
    clock = Clock()
    throttle = Throttle(clock=clock, sleep=clock.sleep)
    theirs, at = 5.0, 0.0
    for pause in pauses:
        clock.now += pause
        asyncio.run(throttle.take("RunInstances"))
        theirs = min(5.0, theirs + (clock.now - at) * 2) - 1
        at = clock.now
        assert theirs > -1e-6


async def test_the_last_of_a_hundred_waits_ten_percent_longer_than_aws_at_most():
    clock = Clock()
    throttle = Throttle(clock=clock, sleep=clock.sleep)
    for _ in range(100):
        await throttle.take("RunInstances")
    arithmetic = (100 - 5) / 2
    assert arithmetic <= clock.now <= 1.1 * arithmetic


async def test_a_request_for_many_pays_for_each_machine_too():
    clock = Clock()
    limits = {"StartInstances": Limit(100, 100, resources=(1000, 2))}
    throttle = Throttle(limits, clock, clock.sleep)
    await throttle.take("StartInstances", resources=800)
    assert clock.now == 0
    await throttle.take("StartInstances", resources=19)
    assert clock.now == pytest.approx(10)


def test_a_call_that_aws_turned_away_empties_its_bucket_and_halves_its_rate():
    clock = Clock()
    calls = TokenBucket(4, 2, clock)
    calls.slow_down()
    assert calls.wait() == 1  # half of two a second
    clock.now = 1
    assert calls.wait() == 0
    clock.now = 29
    for _ in range(4):
        calls.reserve()
    # One more second at half the rate, the rest at the whole.
    assert calls.reserve(2) == pytest.approx(1.5)
    clock.now = 100
    for _ in range(4):
        calls.reserve()
    assert calls.wait() == 0.5


async def test_a_call_that_aws_turned_away_may_have_named_too_many_machines():
    clock = Clock()
    limits = {"StartInstances": Limit(1000, 1000, resources=(1000, 2))}
    throttle = Throttle(limits, clock, clock.sleep)
    throttle.throttled("StartInstances")
    await throttle.take("StartInstances", resources=19)
    # Of an empty bucket, at half of its 1.9 a second.
    assert clock.now == pytest.approx(20)


def test_a_call_without_figures_is_refused():
    with pytest.raises(UnknownActionError, match="CreateFleet.*LIMITS"):
        Throttle().reserve("CreateFleet")


def calls_in_the_code():
    """The API's name of every use of a lane's client in ec2/."""
    here = {"region_name": "us-west-2"}
    clients = {own: boto3.client(name, **here) for own, name in SERVICES.items()}
    for path in Path(ec2spawner.ec2.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Attribute)
                and node.func.value.attr in SERVICES
            ):
                method = node.func.attr
                if method == "get_paginator":
                    method = node.args[0].value
                client = clients[node.func.value.attr]
                yield client.meta.method_to_api_mapping[method]


def test_every_call_in_the_code_has_figures_and_no_other_call_has():
    rows = {action.removesuffix(" (unfiltered)") for action in LIMITS}
    assert rows == set(calls_in_the_code())


@pytest.mark.parametrize("action", sorted(LIMITS))
def test_a_row_is_what_the_local_ec2_enforces_as_awss(action):
    """Two tables written apart: one says what we send, the other what is refused."""
    if action in OF_OTHERS:
        return
    name, _, unfiltered = action.partition(" ")
    theirs = limit_for(AWS_THROTTLE, name, bool(unfiltered))
    assert (LIMITS[action].burst, LIMITS[action].per_second) == theirs


def test_repetitions_are_a_share_of_the_calls():
    clock = Clock()
    budget = RetryBudget(share=0.2, floor=2, window=60, clock=clock)
    assert [budget.allow() for _ in range(3)] == [True, True, False]
    for _ in range(50):
        budget.called()
    assert [budget.allow() for _ in range(9)] == [True] * 8 + [False]
    clock.now = 61
    assert [budget.allow() for _ in range(3)] == [True, True, False]
