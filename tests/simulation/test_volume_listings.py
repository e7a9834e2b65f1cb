"""DescribeVolumes and DescribeSnapshots that lack what is there, for a moment."""

from __future__ import annotations

import pytest

from localec2 import ListingFault

from .scenarios import SETTINGS, by_day
from .virtual_world import saved

NOTHING = {"listing": ListingFault(omit=("*",))}
KNOWS_NOTHING = {"listing": ListingFault(omit=("*",), by_id=True)}
LACK = {"listings": NOTHING, "ids": KNOWS_NOTHING}
USERS = ("alice", "bob")


@pytest.fixture
def make_hub(hubs_with):
    """Makes hubs of alice and bob, each of whom has a home with a note in it."""

    def make(**settings):
        hub = hubs_with({**SETTINGS, "on_stop": "terminate", **settings}, "bob")()
        for user in USERS:
            work(hub, user)
        return hub

    return make


def work(hub, user):
    """Start their server, which writes a note into the home, and stop it."""
    assert hub.call("POST", f"/users/{user}/server")[0] in (201, 202)
    hub.pass_until(lambda: user in hub.serving(), 120)
    stop(hub, user)


def stop(hub, user):
    hub.call("DELETE", f"/users/{user}/server")
    hub.pass_until(lambda: not saved(hub)[user, ""][1].may_have_machine, 60)
    hub.pass_time(10)  # until EC2 has taken its home off the machine that ends


def homes(hub):
    """The only home of each user, as the database knows it."""
    found = {user: saved(hub)[user, ""][1].home_id for user in USERS}
    volumes = [v.id for vs in hub.world.homes(hub).values() for v in vs]
    assert sorted(volumes) == sorted(found.values())
    assert not hub.world.disks.wrongs
    return found


@pytest.mark.parametrize("what, times", by_day(("listings", 1), ("ids", None)))
def test_a_home_that_no_answer_shows_is_neither_lost_nor_made_again(
    world, make_hub, what, times
):
    hub = make_hub()
    before = homes(hub)
    world.fault("DescribeVolumes", **LACK[what], times=times)
    for user in USERS:
        hub.call("POST", f"/users/{user}/server")
    hub.pass_until(lambda: not any(s.pending for s in hub.spawners.values()), 300)
    world.clear_faults()
    for user in USERS:
        if user in hub.serving():
            stop(hub, user)
    for user in USERS:
        work(hub, user)
    assert homes(hub) == before


@pytest.mark.parametrize("ended", [False, True], ids=["runs", "is off"])
def test_two_servers_of_a_user_have_one_home_whatever_listings_lack(
    world, make_hub, ended
):
    hub = make_hub()
    before = homes(hub)
    if not ended:
        hub.call("POST", "/users/alice/server")
        hub.pass_until(lambda: "alice" in hub.serving(), 120)
    world.fault("DescribeVolumes", **NOTHING, times=4)
    hub.call("POST", "/users/alice/servers/lab")
    hub.pass_until(lambda: not any(s.pending for s in hub.spawners.values()), 300)
    world.clear_faults()
    assert ("alice/lab" in hub.serving()) == ended
    assert homes(hub) == before


def lose_the_database(hub):
    hub.kill()
    (hub.folder / "jupyterhub.sqlite").unlink()
    hub.start()
    hub.pass_time(2)
    for user in USERS:
        hub.call("POST", f"/users/{user}")


@pytest.mark.parametrize("times", [2, None])  # of three looks, and the index of tags
def test_who_has_a_home_that_the_database_has_lost_gets_it_although_a_listing_lacks_it(
    world, make_hub, times
):
    hub = make_hub()
    before = homes(hub)
    lose_the_database(hub)
    for user in USERS:
        world.fault("DescribeVolumes", **NOTHING, times=times)
        work(hub, user)
        world.clear_faults()
    assert homes(hub) == before


def test_a_home_that_only_the_index_of_tags_knows_is_not_made_again(world, make_hub):
    hub = make_hub()
    before = homes(hub)
    lose_the_database(hub)
    world.fault("DescribeVolumes", **KNOWS_NOTHING)
    for user in USERS:
        hub.call("POST", f"/users/{user}/server")
    hub.pass_until(lambda: not any(s.pending for s in hub.spawners.values()), 300)
    world.clear_faults()
    for user in USERS:
        told = hub.spawners[user]._spawn_future.exception().jupyterhub_message
        assert before[user] in told and "Nothing is lost" in told
        work(hub, user)
    assert homes(hub) == before


@pytest.mark.parametrize(
    "action, times", by_day(("DescribeVolumes", 2), ("DescribeSnapshots", None))
)
def test_a_home_that_is_given_up_is_archived_once_whatever_listings_lack(
    world, make_hub, action, times
):
    hub = make_hub(home_on_delete="snapshot")
    bobs = homes(hub)["bob"]
    notes = world.disks.disks[homes(hub)["alice"]].notes
    world.fault(action, **NOTHING, times=times)
    hub.call("DELETE", "/users/alice")
    hub.pass_time(300)
    world.clear_faults()
    hub.pass_time(600)
    (archive,) = world.archives(hub)
    assert world.disks.disks[archive].notes == notes
    ((home,),) = world.homes(hub).values()
    assert home.id == bobs
    work(hub, "bob")
    hub.pass_until(lambda: not world.strays(hub), 600)
    assert not world.disks.wrongs
