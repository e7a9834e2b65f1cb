"""Homes at an EC2 without machines: what is made, and what EC2 takes back."""

from dataclasses import replace

import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.ec2.volumes import describe_volume
from ec2spawner.homes import store as homes
from ec2spawner.homes.store import HomeSpec

SPEC = HomeSpec("owner-of-this-test", 3, "", {})


async def test_a_new_home_whose_volume_fails_is_told_and_not_left_behind(
    fleet, ec2, monkeypatch
):
    """EC2 answers CreateVolume before it looks at the key."""

    async def failed(lane, volume_id):
        return replace(await describe_volume(lane, volume_id), state="error")

    zone = sorted(ec2.resources().subnet_ids)[0]
    ec2.change_settings(volume_seconds=1)
    monkeypatch.setattr(homes, "describe_volume", failed)
    with pytest.raises(EC2SpawnError, match="it is error: mostly the KMS key"):
        await fleet.homes.make(SPEC, zone, "launch-of-this-test")
    monkeypatch.undo()
    assert await fleet.homes.find(SPEC.owner, "") is None
