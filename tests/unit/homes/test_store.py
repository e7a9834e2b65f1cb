"""Which volumes are homes of this hub, and which calls about them are not repeated."""

from __future__ import annotations

import asyncio

import pytest
from botocore.exceptions import ClientError

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.tags import (
    ARCHIVE_TAG,
    DISCARD_TAG,
    HOME_TAG,
    HUB_TAG,
    MOVE_TAG,
    MOVED_FROM_TAG,
)
from ec2spawner.ec2.errors import EC2Error
from tests.unit.homes.small_ec2 import HUB, OWNER, Hub, SmallEC2, first_home


@pytest.fixture
def ec2():
    return SmallEC2()


@pytest.fixture
def hub(ec2):
    return Hub(ec2)


def unfinished_copy(ec2, home):
    """Of a move that is under way."""
    tags = {HUB_TAG: HUB, MOVE_TAG: "m", MOVED_FROM_TAG: home}
    return ec2.new_volume("b", (), tags)


def test_a_volume_of_another_hub_is_no_home_even_if_the_database_names_it(ec2, hub):
    tags = {HUB_TAG: "another", HOME_TAG: OWNER}
    volume = ec2.new_volume("a", (), tags)
    with pytest.raises(EC2SpawnError, match=volume) as refused:
        asyncio.run(hub.homes.find(OWNER, volume))
    assert "another hub's tag" in refused.value.log_message
    assert asyncio.run(hub.homes.find(OWNER, "")) is None


def test_a_home_that_is_given_up_takes_its_own_unfinished_copy_along_and_no_others(
    ec2, hub
):
    home, other = first_home(ec2, "a"), first_home(ec2, "a")
    unfinished_copy(ec2, home)
    its_copy = unfinished_copy(ec2, other)
    asyncio.run(hub.homes.discard([home]))
    assert set(ec2.volumes) == {other, its_copy}


def test_an_attachment_that_ec2_forbids_fails_without_another_try(ec2, hub):
    home, asked = first_home(ec2, "a"), []

    def forbidden(**request):
        asked.append(request)
        answer = {"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}
        raise ClientError(answer, "AttachVolume")

    ec2.attach_volume = forbidden
    # Without any time it would fail anyway, but as if EC2 were slow.
    with pytest.raises(EC2Error, match="UnauthorizedOperation"):
        asyncio.run(hub.attaching.attach(home, "i-1", 0))
    assert len(asked) == 1


TAGS = {HUB_TAG: HUB, HOME_TAG: OWNER}


def hidden(hub, *of_others):
    return asyncio.run(hub.homes.find_in_index(OWNER, lambda: of_others))


def test_before_a_home_is_made_the_index_of_tags_is_asked_for_one(ec2, hub):
    assert hidden(hub) is None
    home, of_another = first_home(ec2, "a"), ec2.new_volume("a", (), {HOME_TAG: "x"})
    assert hidden(hub).id == home != of_another
    assert hidden(hub, home) is None  # who had this name before has another home now


def test_one_that_the_index_names_and_nothing_else_shows_is_not_made_again(ec2, hub):
    ec2.index["vol-unseen"] = dict(TAGS)
    with pytest.raises(EC2SpawnError) as told:
        hidden(hub)
    assert "(vol-unseen)" in told.value.jupyterhub_message
    assert "aws ec2 delete-tags" in told.value.log_message


@pytest.mark.parametrize("tag", [DISCARD_TAG, ARCHIVE_TAG])
@pytest.mark.parametrize("shown", [True, False])
def test_the_index_may_still_name_a_home_that_was_given_up(ec2, hub, tag, shown):
    tags = {**TAGS, tag: "1"}
    if shown:
        ec2.new_volume("a", (), tags)
    else:
        ec2.index["vol-deleted"] = tags
    assert hidden(hub) is None


def test_the_index_may_name_who_had_a_volume_before(ec2, hub):
    home = ec2.new_volume("a", (), {HUB_TAG: HUB, HOME_TAG: "renamed"})
    ec2.describe_tags = lambda **asked: {"Tags": [{"ResourceId": home}]}
    assert hidden(hub) is None


def test_two_homes_in_the_index_are_no_answer(ec2, hub):
    home, other = first_home(ec2, "a"), first_home(ec2, "a")
    with pytest.raises(EC2SpawnError, match=f"{home}, {other} all carry"):
        hidden(hub)


def test_a_policy_without_the_right_to_ask_keeps_nobody_from_a_home(ec2, hub, caplog):
    first_home(ec2, "a")
    ec2.may_ask_index = False
    assert hidden(hub) is None and hidden(hub) is None
    assert [r.getMessage().count("ec2spawner iam-policy") for r in caplog.records] == [
        1
    ]


def test_an_index_that_does_not_answer_is_no_reason_to_make_a_home(ec2, hub):
    def away(**asked):
        raise ClientError({"Error": {"Code": "Unavailable"}}, "DescribeTags")

    ec2.describe_tags = away
    with pytest.raises(EC2Error, match="DescribeTags: Unavailable"):
        hidden(hub)
