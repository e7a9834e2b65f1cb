import asyncio
import logging

import pytest

from ec2spawner.ec2.again import Looks, OnlyNews, every, repeat_in_doubt
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.errors.kinds import Kind
from ec2spawner.ec2.errors.table import meaning_of

DOUBT = EC2Error("X", "InternalError", "", meaning_of("InternalError", 500))
REFUSAL = EC2Error("X", "UnauthorizedOperation", "", meaning_of("Unauthorized", 403))


class Calls:
    """Answers that come one after the other, and what they were asked with."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, repeat=None):
        self.asked.append(repeat)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def repeated(calls):
    return await repeat_in_doubt(calls, lambda e: e.kind is Kind.AMBIGUOUS, pause=0)


async def test_a_call_in_doubt_is_repeated_until_there_is_an_answer():
    calls = Calls(DOUBT, DOUBT, "yes")
    assert await repeated(calls) == "yes"
    assert calls.asked == [0, 1, 2]


async def test_a_doubt_that_stays_is_raised():
    with pytest.raises(EC2Error, match="InternalError"):
        await repeated(Calls(DOUBT, DOUBT, DOUBT))


async def test_what_is_refused_is_not_asked_again():
    calls = Calls(DOUBT, REFUSAL, "too late")
    with pytest.raises(EC2Error, match="UnauthorizedOperation"):
        await repeated(calls)
    assert calls.asked == [0, 1]


async def test_there_is_a_look_even_where_there_is_no_time_for_one():
    assert [waited async for waited in Looks(0.01, within=0)] == [0.0]


async def test_looks_go_on_until_their_time_is_over():
    pauses = []

    def pause(waited):
        pauses.append(waited)
        return 0.02

    looks = [waited async for waited in Looks(pause, within=0.05)]
    assert len(looks) > 1 and looks == sorted(looks)
    # The last look came after the last pause that began in time.
    assert len(looks) == len(pauses) + 1 and pauses[-1] < 0.05


@pytest.mark.parametrize("at_once", [True, False])
async def test_work_that_fails_is_done_again_all_the_same(at_once, monkeypatch):
    events, real = [], asyncio.sleep

    async def sleep(seconds):
        events.append(seconds)
        if events.count(seconds) == 3:
            raise asyncio.CancelledError
        await real(0)

    async def work():
        events.append("work")
        raise ValueError("bad day")

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await every(7, work, lambda e: events.append(str(e)), at_once)
    round_ = ["work", "bad day", 7]
    assert events == (round_ * 3 if at_once else [7, *round_ * 2])


@pytest.fixture
def news(caplog):
    log = logging.getLogger("test-news")
    return OnlyNews(log, logging.WARNING)


def test_the_same_is_said_once_and_what_is_new_is_said(news, caplog):
    for code in ("a", "a", "b", "b", "a"):
        news.say("x", code, "it is %s", code)
    news.say("y", "a", "it is another's %s", "a")
    assert caplog.messages == ["it is a", "it is b", "it is a", "it is another's a"]


def test_nothing_is_news_the_first_time(news, caplog):
    news.say("x", None, "said")
    assert caplog.messages == ["said"]


def test_what_was_over_and_comes_back_is_news(news, caplog):
    for about in ("x", "y"):
        news.say(about, 1, about)
    news.over("x")
    news.keep({"x"})
    for about in ("x", "y"):
        news.say(about, 1, about)
    assert caplog.messages == ["x", "y", "x", "y"]
