"""Buckets of tokens, and what of a machine's reports counts."""

import pytest

from ec2spawner.claim.messages import Report, Step
from ec2spawner.claim.rate_limits import Bucket, Buckets, RateLimits
from ec2spawner.claim.reports import Hearing
from ec2spawner.core.state import Phase


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def report(step, log=""):
    return Report("launch", "key", Step(step), "", log, 1.0)


def test_so_many_at_once_and_then_so_many_a_second(clock):
    bucket = Bucket(3, 2, clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.now = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    clock.now = 100.0
    assert bucket.left == 3


def test_a_bucket_for_each_and_not_for_ever(clock):
    buckets = Buckets(1, 0, clock, most=2)
    assert buckets.take("a") and not buckets.take("a")
    assert buckets.take("b") and buckets.take("c")
    assert not buckets.take("c")
    assert buckets.take("a"), "it was not seen for longest"


def test_a_flood_of_refusals_is_a_few_lines_from_one_and_not_many_from_all(clock):
    limits = RateLimits(clock)
    assert sum(limits.worth_a_line("10.0.0.1") for _ in range(1000)) == 10
    assert sum(limits.worth_a_line(f"10.0.1.{i}") for i in range(1000)) == 90


def test_boot_steps_count_while_the_machine_boots_and_never_backwards(clock):
    hearing = Hearing(clock)
    assert hearing.counts(report("account"), Phase.CLAIMED)
    assert not hearing.counts(report("account"), Phase.CLAIMED)
    assert hearing.counts(report("starting"), Phase.CLAIMED)
    assert not hearing.counts(report("home"), Phase.CLAIMED)
    assert hearing.counts(report("ready"), Phase.CLAIMED)
    for step in ("account", "setup", "starting", "rescue", "ready"):
        assert not hearing.counts(report(step), Phase.READY)
        assert not Hearing(clock).counts(report(step), Phase.READY)


def test_a_setup_script_may_say_many_lines(clock):
    hearing = Hearing(clock)
    assert all(hearing.counts(report("setup"), Phase.CLAIMED) for _ in range(100))
    assert sum(hearing.has_room_for_setup() for _ in range(100)) == 20


def test_notices_of_ec2_are_few_and_an_end_is_one(clock):
    hearing = Hearing(clock)
    notices = [hearing.counts(report("interruption"), Phase.READY) for _ in range(99)]
    ends = [hearing.counts(report("exited"), Phase.READY) for _ in range(99)]
    assert (sum(notices), sum(ends)) == (3, 1)


def test_warnings_have_room_in_the_log_and_no_more(clock):
    hearing, lines = Hearing(clock), "\n".join(map(str, range(30)))
    kept = [hearing.log_of(report("warning", lines)) for _ in range(100)]
    told = [log for log in kept if log is not None]
    assert told[0] == lines and told[1].split("\n") == ["27", "28", "29"]
    assert sum(1 + len(log.splitlines()) for log in told) == 35
    assert hearing.log_of(report("failed", lines)) == lines
    clock.now = 60.0
    assert hearing.log_of(report("warning")) == ""
