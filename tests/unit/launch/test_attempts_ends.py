"""Machines of a launch that die while they boot, and the words of its steps."""

import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.ec2.machines import Machine
from ec2spawner.launch import attempts
from ec2spawner.launch.attempts import way_on
from ec2spawner.launch.plan import Candidate

from .conftest import QUOTA, SOLD_OUT, A, B, candidate, error


def machine():
    return Machine("i-1", "running")


def dead(code):
    return Machine("i-1", "terminated", reason_code=code)


# -- machines that die while they boot -------------------------------------------


async def test_after_two_machines_that_failed_there_is_no_third(launch, region):
    region.answers = [machine(), machine()]
    way = launch()
    await way.next()
    assert way.lost(dead("Server.InternalError"))
    await way.next()
    assert not way.lost(dead("Server.InternalError"))


async def test_machines_that_die_for_want_of_capacity_are_followed_by_all_others(
    launch, region
):
    region.answers = [machine()] * 3
    way = launch()
    for more in (True, True, False):
        await way.next()
        assert way.lost(dead("Server.InsufficientInstanceCapacity")) is more
    assert region.asked == ["a", "b", "c"] and way.refused


async def test_the_last_machine_that_failed_has_no_other_in_its_place(launch, region):
    region.answers = [machine()]
    way = launch(A)
    await way.next()
    assert not way.lost(dead("Server.InternalError"))


async def test_an_end_that_no_other_candidate_mends_is_the_end(launch, region):
    region.answers = [machine()]
    way = launch()
    await way.next()
    assert not way.lost(dead("Client.VolumeLimitExceeded"))


def test_a_machine_of_another_process_has_no_other_in_its_place(launch):
    assert not launch().lost(dead("Server.InternalError"))


# -- words -----------------------------------------------------------------------


async def test_each_step_says_why_it_is_not_the_one_before(launch, region):
    region.answers = [SOLD_OUT, machine()]
    way = launch(A, B)
    await way.next()
    assert way.noted.told == ["No m7i.large in a just now, trying b"]


async def test_who_is_passed_over_is_said_and_who_is_not_is_not(launch, region):
    news = launch().news
    news.note(A, error(SOLD_OUT))
    region.now += 10
    region.answers = [machine(), machine()]
    way = launch(A, B)
    await way.next()
    assert way.noted.told == ["No m7i.large in a just now, trying b"]
    alone = launch(A)
    await alone.next()
    assert alone.noted.told == []


async def test_of_all_reasons_the_one_that_passes_soonest_is_told(launch, region):
    region.answers = [QUOTA, SOLD_OUT]
    with pytest.raises(EC2SpawnError) as caught:
        await launch(A, candidate("b", "spot")).next()
    assert caught.value.reason == "capacity"
    assert SOLD_OUT in caught.value.log_message and QUOTA in caught.value.log_message
    assert caught.value.__cause__.code == SOLD_OUT


@pytest.mark.parametrize(
    "refused, then, words",
    [
        ((True, "a"), (False, "a"), "without"),
        ((True, "a"), (False, "b"), "b"),
        ((True, "a"), (True, "a"), "a"),
        ((False, "a"), (False, "b"), "b"),
        ((False, "a"), (True, "a"), "a"),
    ],
)
def test_that_memory_is_not_kept_is_said_where_nothing_else_changes(
    refused, then, words
):
    def found(hibernates, zone):
        return Candidate("on-demand", "m7i.large", "s", {}, zone, hibernates)

    assert way_on(found(*refused), found(*then)) == words


async def test_what_is_sold_out_is_counted_and_other_refusals_are_not(launch, region):
    def counted():
        return {
            zone: attempts.CAPACITY_ERRORS.labels("m7i.large", zone)._value.get()
            for zone in "ab"
        }

    before = counted()
    region.answers = [SOLD_OUT, QUOTA]
    with pytest.raises(EC2SpawnError):
        await launch(A, B).next()
    after = counted()
    assert [after[z] - before[z] for z in "ab"] == [1, 0]


async def test_the_first_refusal_of_its_kind_is_a_warning_and_others_are_not(
    launch, region, caplog
):
    caplog.set_level("DEBUG", "attempts")
    region.answers = [SOLD_OUT, SOLD_OUT, QUOTA]
    with pytest.raises(EC2SpawnError):
        await launch().next()
    told = [r.levelname for r in caplog.records if r.name == "attempts"]
    assert told == ["WARNING", "DEBUG", "WARNING"]
