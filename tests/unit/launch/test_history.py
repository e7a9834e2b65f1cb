import pytest

from ec2spawner.launch.history import (
    MOST_KINDS,
    MOST_STARTS,
    StartHistory,
    StartKind,
)

KIND = StartKind("us-west-2", "ami-1", "t3.small")


def stages(*seconds):
    return dict(zip(("machine", "boot", "home", "jupyter"), seconds))


def test_nothing_is_expected_where_there_was_nothing_before():
    history = StartHistory()
    assert history.expected(KIND) is None
    history.add(KIND, {})
    assert history.expected(KIND) is None


def test_starts_of_another_kind_say_nothing():
    history = StartHistory()
    history.add(KIND, stages(1, 2, 3, 4))
    for other in (
        StartKind("us-west-2", "ami-2", "t3.small"),
        StartKind("us-west-2", "ami-1", "t3.large"),
        StartKind("us-west-2", "ami-1", "t3.small", "stop"),
    ):
        assert history.expected(other) is None


def test_a_start_is_expected_to_take_what_others_took():
    history = StartHistory()
    for boot in (20, 30, 22):
        history.add(KIND, stages(1, boot, 2, 7))
    expected = history.expected(KIND)
    assert (expected.low, expected.usual, expected.high) == (30, 32, 40)
    assert expected.stages == (1, 22, 2, 7)


def test_of_a_size_all_starts_count_whatever_their_image():
    history = StartHistory()
    history.add(StartKind("us-west-2", "ami-1", "t3.small"), stages(0, 20, 0, 0))
    history.add(StartKind("eu-west-1", "ami-2", "t3.small"), stages(0, 30, 0, 0))
    history.add(StartKind("us-west-2", "", "t3.small", "stop"), stages(0, 5, 0, 0))
    assert history.of_size("t3.small").usual == 25
    assert history.of_size("t3.small", woken=True).usual == 5
    assert history.of_size("t3.large") is None


def test_of_many_the_slowest_and_the_fastest_are_left_out():
    history = StartHistory()
    for boot in (1, 20, 21, 22, 500):
        history.add(KIND, stages(0, boot, 0, 0))
    expected = history.expected(KIND)
    assert (expected.low, expected.usual, expected.high) == (20, 21, 22)


def test_only_the_latest_count():
    history = StartHistory()
    history.add(KIND, stages(0, 500, 0, 0))
    for _ in range(MOST_STARTS):
        history.add(KIND, stages(0, 20, 0, 0))
    assert history.expected(KIND).high == 20


def test_of_very_many_kinds_the_latest_are_kept():
    history = StartHistory()
    kinds = [StartKind("r", f"ami-{n}", "t") for n in range(MOST_KINDS + 1)]
    for kind in kinds:
        history.add(kind, stages(1, 1, 1, 1))
    assert history.expected(kinds[0]) is None
    assert history.expected(kinds[-1]).usual == 4


@pytest.mark.parametrize("then", [(1.0, 2.0), ()])
def test_what_an_older_version_has_written_with_other_stages_does_not_count(then):
    history = StartHistory()
    history.load([(KIND, then)])
    history.add(KIND, stages(1, 2, 3, 4))
    assert history.expected(KIND).usual == 10


def test_what_is_read_late_is_older_than_what_was_seen_meanwhile():
    history = StartHistory()
    history.add(KIND, stages(0, 20, 0, 0))
    history.load([(KIND, (0.0, 500.0, 0.0, 0.0))] * MOST_STARTS)
    for _ in range(MOST_STARTS - 1):
        history.add(KIND, stages(0, 20, 0, 0))
    assert history.expected(KIND).high == 20


def test_each_new_one_is_written_down_and_none_that_was_read():
    written = []
    history = StartHistory()
    history.keep = lambda *start: written.append(start)
    history.load([(KIND, (1, 1, 1, 1))])
    history.add(KIND, stages(1, 2, 3, 4))
    assert written == [(KIND, (1, 2, 3, 4))]
