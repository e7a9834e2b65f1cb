"""Which of a machine's reports count, and which are worth a line in the log."""

import pytest

from ec2spawner.claim.messages import Report, Step
from ec2spawner.claim.reports import Hearing
from ec2spawner.core.state import Phase

BOOT = [Step.ACCOUNT, Step.HOME, Step.MOUNTED, Step.DATA, Step.SETUP, Step.STARTING]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hearing(clock):
    return Hearing(clock)


def report(step, log=""):
    return Report("l-1", "key", step, "", log, 1.0)


def counts(hearing, step, phase=Phase.CLAIMED):
    return hearing.counts(report(step), phase)


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.CLAIMED}))
@pytest.mark.parametrize("step", [*BOOT, Step.READY])
def test_the_steps_of_a_boot_count_while_it_boots_and_not_later(hearing, step, phase):
    assert not counts(hearing, step, phase)
    assert counts(hearing, step)


def test_a_boot_goes_on_and_never_back(hearing):
    assert all(counts(hearing, step) for step in BOOT)
    assert hearing.reached is Step.STARTING
    assert not any(counts(hearing, step) for step in BOOT)
    assert counts(hearing, Step.READY)


@pytest.mark.parametrize("step", BOOT)
def test_only_what_says_how_far_it_is_counts_again(hearing, step):
    assert counts(hearing, step)
    assert counts(hearing, step) is (step in (Step.HOME, Step.SETUP))


def test_a_second_boot_begins_anew(hearing):
    for step in (*BOOT, Step.FAILED):
        counts(hearing, step)
    hearing.boots_again()
    assert hearing.reached is None
    assert all(counts(hearing, step) for step in (*BOOT, Step.EXITED))


def test_the_end_of_a_server_is_told_once(hearing):
    assert counts(hearing, Step.EXITED, Phase.READY)
    assert not counts(hearing, Step.EXITED, Phase.READY)
    assert not counts(hearing, Step.FAILED, Phase.READY)


def test_of_very_many_notices_a_few_count_and_one_a_minute(hearing, clock):
    def some(number):
        return [counts(hearing, Step.INTERRUPTION, Phase.READY) for _ in range(number)]

    assert some(100) == [True] * 3 + [False] * 97
    # Together, whatever they are about.
    assert not counts(hearing, Step.REBALANCE, Phase.READY)
    clock.now += 60
    assert some(5) == [True] + [False] * 4


def test_a_setup_script_has_room_for_a_few_lines_and_then_one_in_four_seconds(
    hearing, clock
):
    assert [hearing.has_room_for_setup() for _ in range(30)] == [True] * 20 + (
        [False] * 10
    )
    clock.now += 4
    assert [hearing.has_room_for_setup() for _ in range(2)] == [True, False]


def test_the_log_of_a_warning_is_as_long_as_there_is_room_for(hearing, clock):
    lines = [str(number) for number in range(30)]
    warning = report(Step.WARNING, "\n".join(lines))
    assert hearing.log_of(warning) == "\n".join(lines)
    # Its last lines matter most.
    assert hearing.log_of(warning) == "\n".join(lines[-3:])
    assert hearing.log_of(warning) is None
    clock.now += 4
    assert hearing.log_of(warning) == ""


def test_the_log_of_an_end_is_told_whole_however_much_there_was_before(hearing):
    warning = report(Step.WARNING, "a line\n" * 30)
    while hearing.log_of(warning) is not None:
        pass
    assert hearing.log_of(report(Step.FAILED, "why")) == "why"
