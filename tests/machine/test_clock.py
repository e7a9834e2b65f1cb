"""Machines whose clock is wrong by an hour; only QEMU's have one of their own."""

import datetime
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from localec2 import LocalSettings

from ..hub.conftest import living
from .test_qemu import PATIENCE, cloud, settings  # noqa: F401

HOUR = 3600


async def clock_of(hub):
    """What the server on the machine takes for the time."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{hub.url}/user/alice/x") as got:
            assert got.status == 200
            return parsedate_to_datetime(got.headers["Date"])


@pytest.mark.slow
@pytest.mark.parametrize("offset", [-HOUR, HOUR])
async def test_a_machine_with_a_wrong_clock_claims_and_serves(
    make_quick_hub, ec2, offset
):
    ec2.change_settings(clock_offset_seconds=offset)
    limits = ("start_timeout", "http_timeout", "claim_timeout")
    hub = make_quick_hub(dict.fromkeys(limits, PATIENCE))
    await hub.start()
    await hub.ready_server("alice", timeout=PATIENCE)
    now = datetime.datetime.now(datetime.timezone.utc)
    wrong = (await clock_of(hub) - now).total_seconds()
    assert abs(wrong - offset) < HOUR / 4
    await hub.stop_server("alice")
    assert living(ec2) == []


def test_only_a_clock_of_its_own_can_be_wrong():
    with pytest.raises(ValueError, match="needs machines='qemu'"):
        LocalSettings(machines="nspawn", clock_offset_seconds=HOUR)
