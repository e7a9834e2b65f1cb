"""Prices over real HTTP, from the local EC2's price list and its traps."""

import logging

import pytest

from ec2spawner.ec2.clients import Account
from ec2spawner.ec2.prices.products import ADDRESS, DISK, SNAPSHOT
from ec2spawner.hub.costs.prices import Prices
from ec2spawner.settings import LaunchSettings
from localec2 import Fault
from localec2.api.pricing import invented


@pytest.fixture
def prices(cloud, tmp_path, monkeypatch):
    """Makes the price list of a hub whose price file is in a folder of its own."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    told = []

    def make(**settings):
        file = str(tmp_path / "prices.json")
        settings = {"instance_type": "m7i.xlarge", "prices_file": file, **settings}
        found = Prices(
            LaunchSettings(**settings), logging.getLogger("prices"), told.append
        )
        found.told = told
        return found

    return make


def here(cloud):
    return [Account(cloud.region, cloud.endpoint_url)]


async def test_prices_are_read_past_all_traps_and_kept_in_a_file(prices, cloud, ec2):
    profile = {
        "display_name": "L",
        "ec2spawner_override": {"instance_types": ["m7i.large", "c7i.large"]},
    }
    first = prices(profile_list=[profile])
    await first.refresh(here(cloud))
    again = prices()
    for known in (first.told[-2], again.known):
        for name in ("m7i.xlarge", "m7i.large", "c7i.large"):
            assert known.of(cloud.region, name).usd == invented(name)
        assert known.spot(cloud.region, "m7i.xlarge").usd == pytest.approx(
            0.35 * invented("m7i.xlarge"), abs=1e-5
        )
        for what, usd in ((DISK, 0.081), (SNAPSHOT, 0.051), (ADDRESS, 0.005)):
            assert known.of(cloud.region, what).usd == usd


async def test_what_is_known_since_today_is_not_asked_for_again(prices, cloud, ec2):
    await prices().refresh(here(cloud))
    ec2.clear_requests()
    await prices(prices={"m7i.large": 1.0}).refresh(here(cloud))
    assert [r for r in ec2.requests() if r.action == "GetProducts"] == []


async def test_where_the_price_list_cannot_be_read_one_line_says_so(
    prices, cloud, ec2, caplog
):
    ec2.add_fault(Fault("GetProducts", service="pricing", error=("AccessDenied", 400)))
    found = prices(prices={"m7i.xlarge": 0.5})
    for _ in range(2):
        try:
            await found.refresh(here(cloud))
        except Exception as e:
            found._failed(e)
    assert len(caplog.records) == 1
    assert "prices_region = ''" in caplog.text
    assert found.known.of(cloud.region, "m7i.xlarge").usd == 0.5
    # Of spot markets EC2 itself tells.
    assert set(found.known.read[cloud.region]) == {
        f"m7i.xlarge:spot:{zone}" for zone in ec2.resources().zones
    }
