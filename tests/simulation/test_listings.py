"""Listings that look right and are not. One of them proves nothing."""

from __future__ import annotations

import shutil
import time

import pytest

from ec2spawner.admin.collect import survey
from ec2spawner.admin.explain import rows
from ec2spawner.admin.hub_config import Hub as AdminHub
from ec2spawner.admin.sweep import decide
from ec2spawner.core.tags import HUB_TAG, LAUNCH_TAG
from ec2spawner.ec2.clients import Account
from localec2 import ListingFault

from .scenarios import SETTINGS, by_day
from .virtual_world import saved

NAMES = ("alice", "bob", "carol")
# As many as the brake takes for a mistake of EC2's, when they vanish at once.
MORE = (*NAMES, "dave", "erin")
LISTING = "DescribeInstances"
# A minute of absence, a poll, and the pauses between.
GIVEN_UP_SECONDS = 60 + 30 + 30


@pytest.fixture
def hub(world):
    hub = world.hub(**{**SETTINGS, "home": "none"}, on_stop="stop")
    hub.start()
    for name in MORE:
        hub.call("POST", f"/users/{name}")
    hub.pass_time(2)
    return hub


@pytest.fixture
def three(hub):
    """user -> machine, of three servers that run."""
    return machines_of(hub, NAMES)


@pytest.fixture
def five(hub):
    return machines_of(hub, MORE)


def machines_of(hub, names):
    for name in names:
        start(hub, name)
    hub.pass_until(lambda: hub.serving().keys() == set(names), 100)
    return hub.serving()


def start(hub, name="alice"):
    assert hub.call("POST", f"/users/{name}/server")[0] in (201, 202)


def stop(hub, name="alice"):
    assert hub.call("DELETE", f"/users/{name}/server")[0] in (202, 204)


def wrong(world, times=None, **what):
    world.fault(LISTING, listing=ListingFault(**what), times=times)


def forget(world, *ids):
    """EC2 knows these machines no more, and never said that they have ended."""
    for id in ids:
        instance = world.cloud.instance(id)
        instance.machine.destroy(0)
        world.cloud.forget(instance)


def end_of(hub, name="alice"):
    return saved(hub)[name, ""][1].last_end


def is_off(hub, name="alice"):
    spawner = hub.spawners.get(name)  # the Hub forgets what is off
    return spawner is None or not (spawner.active or spawner.pending)


def errors(caplog):
    return [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]


@pytest.mark.parametrize("omitted, times", by_day(("all", None), ("one", 1)))
def test_listings_that_lack_machines_end_nobodys_server(
    world, hub, three, omitted, times
):
    wrong(world, times, omit=("*",) if omitted == "all" else (three["alice"],))
    hub.pass_time(300)
    assert hub.serving() == three


def test_a_listing_of_before_its_start_ends_nobodys_server(world, hub):
    """Every answer to a listing is of two minutes ago."""
    hub.pass_time(130)
    wrong(world, seconds_old=120)
    start(hub)
    hub.pass_until(lambda: hub.serving(), 60)
    before = hub.serving()
    hub.pass_time(400)
    assert hub.serving() == before


def test_a_listing_of_before_it_was_woken_stops_nobodys_server(world, hub):
    start(hub)
    hub.pass_until(lambda: hub.serving(), 60)
    before = hub.serving()
    stop(hub)
    hub.pass_time(200)
    wrong(world, seconds_old=150)
    start(hub)
    hub.pass_until(lambda: hub.serving(), 100)
    assert hub.serving() == before
    hub.pass_time(100)
    assert hub.serving() == before


def test_a_stopped_machine_that_a_listing_lacks_is_woken_and_not_replaced(world, hub):
    start(hub)
    hub.pass_until(lambda: hub.serving(), 60)
    before = hub.serving()
    stop(hub)
    hub.pass_time(60)
    for again in (False, True):
        if again:  # who has just come back has seen it in no listing at all
            hub.kill()
        wrong(world, 2, omit=("*",))
        if again:
            hub.start()
        start(hub)
        hub.pass_until(lambda: hub.serving(), 100)
        assert hub.serving() == before
        stop(hub)
        hub.pass_time(60)


def test_rows_that_come_twice_or_in_another_order_change_nothing(world, hub, three):
    for what in ({"repeat": True}, {"reorder": True}):
        world.cloud.faults.clear()
        wrong(world, **what)
        hub.pass_time(200)
        assert hub.serving() == three


def test_who_comes_back_to_listings_that_lack_machines_ends_nobodys_server(
    world, hub, three
):
    hub.kill()
    wrong(world, 20, omit=("*",))
    hub.start()
    hub.pass_time(600)
    assert hub.serving() == three


def test_what_ec2_does_not_know_any_more_is_gone_after_a_minute_and_told(
    world, hub, three
):
    forget(world, three["alice"])
    hub.pass_time(50)
    assert not is_off(hub)
    hub.pass_until(lambda: is_off(hub), GIVEN_UP_SECONDS)
    assert three["alice"] in end_of(hub)
    hub.pass_time(200)
    assert hub.serving() == {n: id for n, id in three.items() if n != "alice"}
    assert not saved(hub)["alice", ""][1].doomed


def test_a_machine_that_ec2_denies_stays_for_as_long_as_its_server_answers(
    world, hub, three, caplog
):
    wrong(world, omit=(three["alice"],), by_id=True)
    hub.pass_time(400)
    assert hub.serving() == three
    said = [text for text in errors(caplog) if three["alice"] in text]
    assert len(said) == 1 and "its server answers" in said[0]
    world.machine(three["alice"]).destroy(0)
    hub.pass_until(lambda: is_off(hub), 120)
    assert three["alice"] in end_of(hub)


def test_a_machine_that_ec2_denies_is_gone_when_its_address_is_another_hubs(
    world, hubs_with
):
    hub, other = (hubs_with({**SETTINGS, "home": "none"})() for _ in range(2))
    start(hub)
    hub.pass_until(lambda: hub.serving(), 60)
    (lost,) = world.living(hub)
    address = lost.private_ip
    world.cloud.lifecycle.terminate(lost)
    world.wait_until(world.time.now + 5)
    world.cloud.forget(lost)
    # Another alice's, whose server is at the same path.
    start(other)
    other.pass_until(lambda: other.serving(), 60)
    (there,) = world.living(other)
    assert there.private_ip == address
    hub.pass_until(lambda: is_off(hub), GIVEN_UP_SECONDS)
    assert lost.id in end_of(hub)
    assert other.serving() == {"alice": there.id}


def test_of_many_that_vanish_at_once_none_is_believed_gone_and_the_log_says_so(
    world, hub, five, caplog
):
    wrong(world, omit=("*",), by_id=True)
    hub.pass_time(400)
    assert hub.serving() == five
    said = [text for text in errors(caplog) if "all at once" in text]
    assert len(said) == 1 and all(id in said[0] for id in five.values())
    world.cloud.faults.clear()
    hub.pass_time(60)
    assert hub.serving() == five


def test_who_stops_their_server_is_not_held_up_by_the_brake(world, hub, five):
    forget(world, *five.values())
    hub.pass_time(300)
    assert not any(is_off(hub, name) for name in MORE)
    for name in MORE:
        stop(hub, name)
    hub.pass_until(lambda: all(is_off(hub, name) for name in MORE), 60)
    hub.pass_time(300)
    for name in MORE:
        state = saved(hub)[name, ""][1]
        assert not (state.doomed or state.stopped), name


def test_why_a_machine_has_ended_is_told_when_its_tags_have_left(world, hub):
    changes = {"terminated_tags_seconds": 0.0}
    world.cloud.settings = world.cloud.settings.changed(changes)
    start(hub)
    hub.pass_until(lambda: hub.serving(), 60)
    hub.kill()
    world.lose(hub_machine(world, hub))
    world.wait_until(world.time.now + 30)
    hub.start()
    hub.pass_until(lambda: is_off(hub), 60)
    assert "AWS's host failed" in end_of(hub)


def hub_machine(world, hub):
    (machine,) = world.living(hub)
    return machine.id


@pytest.mark.parametrize("tag, value", by_day((HUB_TAG, "other"), (LAUNCH_TAG, None)))
def test_a_server_outlives_whatever_automation_does_to_its_tags(
    world, hub, three, tag, value
):
    tags = world.cloud.backend.tags[three["alice"]]
    if value is None:
        del tags[tag]
    else:
        tags[tag] = value
    hub.pass_time(300)
    assert hub.serving() == three
    hub.kill()
    hub.start()
    hub.pass_time(300)
    assert hub.serving() == three
    stop(hub)
    hub.pass_time(60)
    hub.pass_time(300)
    assert world.cloud.instance(three["alice"]).state == "stopped"


def test_a_machine_without_our_tag_is_shown_as_its_servers_and_not_swept(
    world, hub, three
):
    """An admin's commands, of a hub that is down."""
    del world.cloud.backend.tags[three["alice"]][HUB_TAG]
    hub.pass_time(30)
    account = Account(world.cloud.region, world.cloud.endpoint_url)
    url = f"sqlite:///{hub.folder / 'jupyterhub.sqlite'}"
    admins = AdminHub(hub.hub_id, (account,), url, {}, hub.folder, 1.0)
    seen = hub.run(survey(admins))
    told = {row.owner: (row.id, row.why) for row in rows(admins, seen)}
    assert {owner: id for owner, (id, _) in told.items()} == three
    assert "removed its ec2spawner:hub" in told["alice"][1]
    assert all(told[name][1].startswith("its server is ready") for name in NAMES[1:])
    decided = decide(admins, seen, time.time() + 100, force=True)
    assert not (decided.end or decided.braked or decided.waiting)


def test_two_hubs_with_one_hub_id_spare_each_others_machines_and_say_so(
    world, hub, three, caplog
):
    """A copied folder: the same database, cookie secret and settings, under one id."""
    copy = world.hub(**hub.settings)
    copy.cookie_secret = hub.cookie_secret
    hub.kill()
    shutil.copy(hub.folder / "jupyterhub.sqlite", copy.folder)
    hub.start()
    hub.call("POST", "/users/zoe")
    hub.pass_time(2)
    start(hub, "zoe")
    hub.pass_until(lambda: "zoe" in hub.serving(), 60)
    before = hub.serving()
    copy.start()
    for _ in range(20):
        copy.run_until(world.time.now + 10)
        hub.pass_time(10)
    assert hub.serving() == before
    said = [text for text in errors(caplog) if "hub_id" in text]
    assert len(said) == 1 and before["zoe"] in said[0]


# Calls that name no instance fail, and those that name one of such a zone.


@pytest.fixture
def zones(world):
    return list(world.cloud.resources.subnet_ids)


@pytest.fixture
def zoned(world, zones):
    subnets = world.cloud.resources.subnet_ids
    profiles = [
        {"display_name": z, "ec2spawner_override": {"subnets": [subnets[z]]}}
        for z in zones[:2]
    ]
    settings = {**SETTINGS, "home": "none", "profile_list": profiles}
    hub = world.hub(**settings, on_stop="terminate")
    hub.start()
    for name in ("alice", "bob", "carol"):
        hub.call("POST", f"/users/{name}")
    hub.pass_time(2)
    return hub


@pytest.fixture
def two(world, zoned, zones):
    """Servers in a zone that is ill from now on, and in one that is well."""
    for name, zone in (("alice", zones[0]), ("bob", zones[1])):
        start_in(zoned, name, zone)
    zoned.pass_until(lambda: len(zoned.serving()) == 2, 60)
    ill = {"disrupted_zones": (zones[0],)}
    world.cloud.settings = world.cloud.settings.changed(ill)
    return zoned.serving()


def start_in(hub, name, zone):
    chosen = {"user_options": {"profile": zone}}
    status, answer = hub.call("POST", f"/users/{name}/server", chosen)
    assert status in (201, 202), answer


def heal(world):
    well = {"disrupted_zones": ()}
    world.cloud.settings = world.cloud.settings.changed(well)


def test_a_disrupted_zone_ends_nobodys_server(world, zoned, two):
    zoned.pass_time(400)
    assert zoned.serving() == two
    heal(world)
    zoned.pass_time(120)
    assert zoned.serving() == two


def test_a_disrupted_zone_does_not_hold_up_starts_in_other_zones(
    world, zoned, two, zones
):
    zoned.pass_time(120)
    start_in(zoned, "carol", zones[1])
    zoned.pass_until(lambda: "carol" in zoned.serving(), 60)
    stop(zoned, "bob")
    zoned.pass_until(lambda: is_off(zoned, "bob"), 60)


def test_a_disrupted_zone_hides_only_what_happens_there(world, zoned, two):
    zoned.pass_time(120)
    world.lose(two["bob"])
    zoned.pass_until(lambda: is_off(zoned, "bob"), 120)
    assert "AWS's host failed" in end_of(zoned, "bob")
    world.lose(two["alice"])
    zoned.pass_time(300)
    assert not is_off(zoned, "alice")
    heal(world)
    zoned.pass_until(lambda: is_off(zoned, "alice"), 120)
    assert "AWS's host failed" in end_of(zoned, "alice")


def test_a_disrupted_zone_is_not_told_as_silence_of_ec2(
    world, zoned, two, zones, caplog
):
    zoned.pass_time(600)
    (fleet,) = zoned.fleets
    assert not fleet.inventory.failing
    said = [text for text in errors(caplog) if "some of them" in text]
    assert len(said) == 1 and zones[0] in said[0] and zones[1] not in said[0]
