"""A machine that nobody uses and no Hub asks for any more."""

import pytest

from ec2spawner.claim.agent.work.deadman import DeadMan

from .test_deadman import DAY, HOUR, Ended, machine  # noqa: F401

IDLE = HOUR


@pytest.fixture
def alone(machine):  # noqa: F811
    """A machine without a Hub, idle since it was made."""
    one = machine(idle_timeout=IDLE, keep_seconds=0)
    one.live(600)
    one.hub.status = None
    one.idle_since = one.now
    one.agent.idle = lambda keep: one.now - one.idle_since
    return one


def test_it_ends_when_both_have_lasted_half_an_hour_beyond_its_idle_time(alone):
    alone.live(IDLE + 1700)
    assert alone.is_on
    with pytest.raises(Ended, match="nobody has used it for 5... s, and no word"):
        alone.live(300)


def test_it_goes_on_until_both_have_lasted_for_so_long_to_the_second(alone):
    agent: DeadMan = alone.agent
    agent.failures, now = 3, agent.heard + 1800
    agent.idle = lambda keep: IDLE + 1800
    assert not agent.abandoned(now - 1) and agent.abandoned(now)
    agent.idle = lambda keep: IDLE + 1799
    assert not agent.abandoned(now)


def test_who_was_promised_to_be_kept_is(alone):
    agent: DeadMan = alone.agent
    kept: list[float] = []
    agent.idle = lambda keep: kept.append(keep) or 0.0
    agent.failures = 3
    agent.abandoned(agent.heard + DAY)
    assert kept == [0.0]
    agent.keep_seconds = 60.0
    agent.abandoned(agent.heard + DAY)
    assert kept == [0.0, 60.0]


def test_it_goes_on_while_somebody_uses_it(alone):
    for _ in range(8):
        alone.live(HOUR)
        alone.idle_since = alone.now
    assert alone.is_on


def test_it_goes_on_while_there_is_a_hub_to_stop_it(alone):
    alone.hub.status = 200
    alone.live(20 * HOUR)
    assert alone.is_on


def test_it_goes_on_where_the_admin_has_set_no_idle_time(machine):  # noqa: F811
    one = machine()
    one.hub.status = None
    one.agent.idle = lambda keep: DAY
    one.live(20 * HOUR)
    assert one.is_on


def test_a_silence_that_is_too_short_ends_nothing(alone):
    alone.idle_since -= DAY
    alone.live(1700)
    alone.hub.status = 200
    alone.live(600)
    alone.hub.status = None
    alone.live(1700)
    assert alone.is_on


def test_the_hub_says_how_often_it_wants_to_hear(alone, monkeypatch):
    asked, sent = alone.agent, []

    class Wants:
        status, ours = 200, True

        def post(self, what, body):
            sent.append(body)
            return 200, b'{"hub_silence_limit": 86400, "next": 30}', True

    asked.hub, asked.seen = Wants(), lambda: {"human_idle": 1.0}
    alone.live(HOUR, step=10)
    assert 80 < len(sent) < 160 and sent[-1] == {"seen": {"human_idle": 1.0}}


@pytest.mark.parametrize("next", ["0", "-1", "1e9", "NaN", '"soon"', "null"])
def test_no_answer_makes_a_machine_ask_without_end_or_never_again(alone, next):
    asked = []

    class Wants:
        def post(self, what, body):
            asked.append(alone.now)
            text = '{"hub_silence_limit": 86400, "next": %s}' % next
            return 200, text.encode(), True

    alone.agent.hub = Wants()
    alone.live(1800, step=0.5)
    assert 4 < len(asked) < 1800 / 0.4


def test_news_does_not_wait_for_the_next_beat_but_for_the_last_one(alone):
    agent: DeadMan = alone.agent
    alone.hub.status = 200
    alone.live(600)
    beaten, agent.next_beat = agent.beaten, alone.now + 300
    agent.news.set()
    agent.pause(10)
    assert agent.next_beat == max(beaten + 5, alone.now)
    assert not agent.news.is_set()
