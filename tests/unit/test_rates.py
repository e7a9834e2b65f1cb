import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.ec2.rates import TokenBucket


class Clock:
    """Time that passes only when somebody sleeps, or says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds


def bucket(clock, burst=5, per_second=2):
    return TokenBucket(burst, per_second, clock, clock.sleep)


async def test_a_burst_goes_through_at_once_and_the_next_waits_its_turn():
    clock = Clock()
    calls = bucket(clock)
    for _ in range(5):
        await calls.take()
    assert clock.now == 0
    assert calls.wait == 0.5
    await calls.take()
    assert clock.now == 0.5


async def test_the_hundredth_of_a_hundred_waits_as_long_as_awss_bucket_makes_it():
    waits = []

    async def remember(seconds):
        waits.append(seconds)

    calls = TokenBucket(5, 2, lambda: 0.0, remember)
    for _ in range(100):
        await calls.take()
    assert max(waits) == 47.5
    assert waits == sorted(waits)
    assert calls.ahead == 95


async def test_an_idle_bucket_is_never_fuller_than_its_burst():
    clock = Clock()
    calls = bucket(clock)
    clock.now = 1000
    for _ in range(5):
        await calls.take()
    assert clock.now == 1000
    assert calls.wait > 0


async def test_who_gives_up_leaves_their_place_to_the_next():
    calls = TokenBucket(1, 0.001)
    await calls.take()
    waiting = asyncio.create_task(calls.take())
    await asyncio.sleep(0)
    assert calls.ahead == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert calls.ahead == 0


@given(st.lists(st.floats(0, 3), max_size=60))
def test_never_more_calls_than_awss_own_bucket_would_take(pauses):
    clock = Clock()
    calls = bucket(clock)
    theirs, at = 5.0, 0.0
    for pause in pauses:
        clock.now += pause
        asyncio.run(calls.take())
        theirs = min(5.0, theirs + (clock.now - at) * 2) - 1
        at = clock.now
        assert theirs > -1e-6
