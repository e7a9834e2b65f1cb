"""Which candidates one launch asks EC2 for, how often, and what it leaves in doubt."""

import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.ids import client_token
from ec2spawner.ec2.machines import Machine
from ec2spawner.launch.attempts import Reporter, place_in_line

from .conftest import (
    IN_DOUBT,
    NO_RIGHT,
    QUOTA,
    SOLD_OUT,
    THROTTLED,
    A,
    B,
    C,
    Line,
    candidate,
    error,
)


def machine(id="i-1", **more):
    return Machine(id, "running", **more)


# -- which candidate -------------------------------------------------------------


async def test_each_is_tried_in_order_until_there_is_a_machine(launch, region):
    region.answers = [SOLD_OUT, QUOTA, machine()]
    spot = candidate("b", "spot")
    way = launch(A, B, spot)
    assert (await way.next()).id == "i-1"
    # What is refused by quota is so for all of its market.
    assert region.asked == ["a", "b", "b"]
    assert [a.candidate for a in way.noted.attempts] == [A, B, spot]
    assert region.tokens == [client_token("launch-1", n) for n in range(3)]
    assert not way.refused


async def test_what_is_sold_out_to_one_is_asked_for_last_by_the_next(launch, region):
    region.answers = [SOLD_OUT, machine(), machine()]
    await launch(A, B).next()
    region.now += 1
    await launch(A, B).next()
    assert region.asked == ["a", "b", "b"]


async def test_the_zones_that_ec2_recommends_come_next(launch, region):
    words = "You can currently get it by choosing c, b."
    region.answers = [error(SOLD_OUT, words), machine()]
    await launch(A, candidate("d"), C, B).next()
    assert region.asked == ["a", "c"]


async def test_what_was_refused_to_others_before_is_asked_for_last(launch, region):
    way = launch()
    way.news.note(A, error(SOLD_OUT))
    region.now += 10
    region.answers = [SOLD_OUT, SOLD_OUT, machine()]
    assert await launch().next()
    assert region.asked == ["b", "c", "a"]


async def test_of_many_that_others_were_refused_before_the_oldest_is_tried(
    launch, region
):
    news = launch().news
    for each in (B, A, C):
        news.note(each, error(SOLD_OUT))
        region.now += 10
    region.answers = [SOLD_OUT, machine()]
    assert await launch().next()
    assert region.asked == ["b", "a"]


@pytest.mark.parametrize("seconds", [0, 10])
async def test_what_others_are_refused_since_it_began_is_not_asked_again(
    launch, region, seconds
):
    way = launch(A, B)
    region.now += seconds
    for each in (A, B):
        way.news.note(each, error(SOLD_OUT))
    with pytest.raises(EC2SpawnError) as caught:
        await way.next()
    assert (caught.value.reason, region.asked) == ("capacity", [])
    assert way.refused, "nothing was asked for, so there is nothing"


async def test_where_the_home_is_old_news_are_not_believed(launch, region):
    news = launch().news
    news.note(A, error(SOLD_OUT))
    region.now += 10
    region.answers = [machine()]
    assert await launch(A, B, home="a").next()
    assert region.asked == ["a"]
    # Nor in another zone are they for a home's sake.
    region.answers = [machine()]
    assert await launch(A, B, home="b").next()
    assert region.asked == ["a", "b"]


@pytest.mark.parametrize("seconds", [0, 10])
async def test_where_the_home_is_fresh_news_are_believed(launch, region, seconds):
    way = launch(A, B, home="a")
    region.now += seconds
    way.news.note(A, error(SOLD_OUT))
    region.answers = [machine()]
    assert await way.next()
    assert region.asked == ["b"]


async def test_what_others_learn_while_it_waits_in_line_is_not_sent(launch, region):
    way = launch(A, B)
    begun, attempt = [], way._reporter.attempt

    def note(made):
        attempt(made)
        if not begun:
            region.now += 1
            way.news.note(A, error(SOLD_OUT))
        begun.append(made)

    way._reporter = Reporter(note, way._reporter.abandon, way._reporter.tell)
    region.answers = [machine()]
    assert await way.next()
    assert region.asked == ["b"] and len(begun) == 2
    assert begun[0].client_token != begun[1].client_token


# -- answers in doubt ------------------------------------------------------------


async def test_a_request_in_doubt_is_repeated_whatever_others_have_learned(
    launch, region
):
    """What the first has made must be found: another candidate would be a second."""
    way = launch(A, B)
    region.meanwhile = [
        lambda: setattr(region, "now", region.now + 1)
        or way.news.note(A, error(SOLD_OUT))
    ]
    region.answers = [IN_DOUBT, machine()]
    assert await way.next()
    assert region.asked == ["a", "a"] and len(set(region.tokens)) == 1


async def test_a_request_is_repeated_no_more_often_than_its_budget_allows(
    launch, region
):
    region.repetitions, region.answers = 1, [IN_DOUBT, IN_DOUBT, machine()]
    assert await launch(A, B).next()
    assert region.asked == ["a", "a", "b"]


async def test_a_machine_that_is_shown_after_a_doubt_is_the_one(launch, region):
    way = launch(A, B)
    region.answers = [IN_DOUBT] * 3
    region.meanwhile = [
        lambda: region.shown.append(machine("i-9", client_token=region.tokens[0]))
    ]
    assert (await way.next()).id == "i-9"
    assert region.asked == ["a"] * 3 and not way.noted.abandoned and not way.refused


async def test_a_machine_that_ec2_knows_by_the_token_of_a_doubt_is_the_one(
    launch, region
):
    region.answers, region.by_token = [IN_DOUBT] * 3, machine("i-9")
    way = launch(A, B)
    assert (await way.next()).id == "i-9"
    assert region.asked == ["a"] * 3 and not way.noted.abandoned


async def test_of_two_attempts_in_doubt_none_is_forgotten(launch, region):
    region.answers = [IN_DOUBT] * 6
    way = launch()
    with pytest.raises(EC2SpawnError) as caught:
        await way.next()
    assert caught.value.reason == "cloud" and region.asked == ["a"] * 3 + ["b"] * 3
    # The first is told of; the second is the launch's own.
    assert way.noted.abandoned == [region.tokens[0]]
    assert not way.refused


async def test_the_last_candidate_in_doubt_is_not_left(launch, region):
    region.answers = [IN_DOUBT] * 3
    way = launch(A)
    with pytest.raises(EC2SpawnError):
        await way.next()
    assert not way.noted.abandoned and not way.refused


async def test_where_ec2_does_not_even_say_what_it_has_no_attempt_is_left(
    launch, region
):
    region.answers, region.by_token = [IN_DOUBT] * 3, IN_DOUBT
    way = launch()
    with pytest.raises(EC2SpawnError):
        await way.next()
    assert region.asked == ["a"] * 3 and not way.noted.abandoned


async def test_a_doubt_that_ec2_clears_up_lets_the_next_one_follow(launch, region):
    region.answers, region.by_token = [IN_DOUBT] * 3 + [machine("i-2")], None
    way = launch()
    began = region.now
    assert (await way.next()).id == "i-2"
    assert way.noted.abandoned == [region.tokens[0]]
    assert not way.refused
    # It was asked again after a moment, and looked for in a few listings.
    assert region.slept == [0.2, 0.4, 0.8]
    assert region.now - began == pytest.approx(sum(region.slept) + 4 * region.fast + 2)


async def test_a_repeat_that_is_refused_says_nothing_of_the_call_before_it(
    launch, region
):
    region.answers, region.by_token = [IN_DOUBT, SOLD_OUT], machine("i-1")
    way = launch()
    assert (await way.next()).id == "i-1"
    assert region.asked == ["a", "a"] and not way.noted.abandoned


async def test_an_attempt_whose_repeat_is_refused_stays_in_doubt(launch, region):
    region.answers = [IN_DOUBT, SOLD_OUT, SOLD_OUT, machine("i-2")]
    way = launch()
    assert (await way.next()).id == "i-2"
    assert region.asked == ["a", "a", "b", "c"]
    # Not the second one, which was never in doubt.
    assert way.noted.abandoned == [region.tokens[0]]
    assert not way.refused


async def test_what_is_refused_for_certain_is_not_looked_for(launch, region):
    region.answers, region.shown = [SOLD_OUT, machine("i-2")], [machine("i-1")]
    assert (await launch(A, B).next()).id == "i-2"


async def test_what_is_in_doubt_and_cannot_be_repeated_is_looked_for(launch, region):
    region.answers, region.shown, region.repetitions = [IN_DOUBT], [machine("i-1")], 0
    assert (await launch(A, B).next()).id == "i-1"


@pytest.mark.parametrize("answers", [[NO_RIGHT], [THROTTLED] * 5])
async def test_a_launch_is_not_refused_while_a_call_of_it_is_not_answered(
    launch, region, answers
):
    region.answers = [IN_DOUBT, *answers]
    way = launch()
    with pytest.raises(EC2SpawnError):
        await way.next()
    assert not way.refused


async def test_what_nothing_can_help_ends_it(launch, region):
    region.answers = [NO_RIGHT]
    way = launch()
    with pytest.raises(EC2SpawnError) as caught:
        await way.next()
    assert (caught.value.reason, region.asked) == ("permission", ["a"])
    assert way.refused


async def test_who_waits_in_line_is_told_how_long(launch, region, line):
    line.before, line.seconds = 12, 40.0
    region.answers = [machine()]
    way = launch(A)
    await way.next()
    assert way.noted.told == ["12 launches are ahead of yours, about 40 s"]


# -- limits of requests ----------------------------------------------------------


async def test_throttling_is_waited_out_four_times_and_longer_each_time(launch, region):
    region.answers = [THROTTLED] * 4 + [machine()]
    assert await launch(A).next()
    assert len(region.asked) == 5 and len(set(region.tokens)) == 1
    # By chance between half and three halves of a second first: here twice as much.
    assert region.slept == [2, 4, 8, 16]


async def test_throttling_that_does_not_end_is_told(launch, region):
    region.answers = [THROTTLED] * 5
    with pytest.raises(EC2SpawnError) as caught:
        await launch(A, B).next()
    assert (caught.value.reason, len(region.asked)) == ("cloud", 5)


async def test_other_errors_are_not_waited_for(launch, region):
    region.answers = [SOLD_OUT, machine()]
    assert await launch(A, B).next()
    assert not region.slept


@pytest.mark.parametrize("seconds, told", [(2.0, False), (2.1, True), (40.4, True)])
def test_a_wait_is_told_when_it_is_worth_telling(seconds, told):
    place = place_in_line(Line(12, seconds), "RunInstances")
    words = f"12 launches are ahead of yours, about {seconds:.0f} s"
    assert place == (words if told else "")
