"""Which volumes are homes of this hub, and which calls about them are not repeated."""

from __future__ import annotations

import asyncio

import pytest
from botocore.exceptions import ClientError

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.tags import HOME_TAG, HUB_TAG, MOVE_TAG, MOVED_FROM_TAG
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
