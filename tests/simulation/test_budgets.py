"""Budgets: who is at 100 % is refused, what runs is warned and then stopped."""

from __future__ import annotations

import pytest
from jupyterhub import orm

from ec2spawner.hub.pages.announcements import notices_of

from .scenarios import OVER_HOURS
from .test_ledger import start, stop
from .virtual_world import saved

# A machine costs 2 USD an hour, and a home next to nothing.
HOUR = 3600
GRACE = 900
PRICES = {"t3.small": 2.0, "t3.large": 2.0, "ebs:gp3": 0.08}
SPENDING = {
    **OVER_HOURS,
    "prices": PRICES,
    "prices_region": "",
    "on_stop": "terminate",
    "budget_grace": GRACE,
}


@pytest.fixture
def make_hub(hubs_with):
    return hubs_with(SPENDING)


def notices(hub, user="alice"):
    return notices_of(hub.app.users[user])


def states(world, hub):
    return [machine.state for machine in world.living(hub)]


def test_a_server_is_warned_then_stopped_and_its_home_is_kept(world, make_hub):
    hub = make_hub(budgets={"user": 4})
    machine = start(hub)
    (homes,) = world.homes(hub).values()
    hub.pass_time(HOUR - 60)
    assert not notices(hub)
    hub.pass_time(180)
    (told,) = notices(hub)
    assert told.startswith("50 % of your budget of 4.00 USD a month is spent: 2.0")
    hub.pass_time(HOUR - 60)
    (told,) = notices(hub)
    assert "is used up" in told and "save your work" in told
    # Somebody else has a budget of their own.
    hub.call("POST", "/users/bob")
    hub.call("POST", "/users/bob/server")
    hub.pass_time(GRACE - 120)
    assert hub.serving()["alice"] == machine
    hub.pass_time(240)
    assert list(hub.serving()) == ["bob"]
    # Though stops terminate on this hub.
    assert sorted(states(world, hub)) == ["running", "stopped"]
    assert homes in world.homes(hub).values()
    assert "was stopped on" in saved(hub)["alice", ""][1].last_end
    assert not notices(hub, "bob")
    # What is stopped stays stopped, and is not ended later either.
    hub.pass_time(HOUR / 2)
    assert sorted(states(world, hub)) == ["running", "stopped"]


def test_who_is_at_100_percent_starts_nothing_until_the_next_month(world, make_hub):
    hub = make_hub(budgets={"user": 1.9})
    start(hub)
    hub.pass_time(HOUR)
    stop(hub)
    status, answer = hub.call("POST", "/users/alice/server")
    assert status == 403 and "is used up" in answer["message"]
    assert "ask your hub's admin" in answer["message"]
    assert not states(world, hub)
    # Somebody else has a budget of their own.
    hub.call("POST", "/users/bob")
    assert hub.call("POST", "/users/bob/server")[0] in (201, 202)
    hub.pass_time(60)
    assert "bob" in hub.serving()
    hub.call("DELETE", "/users/bob/server")
    hub.pass_time(60)
    hub.kill()
    world.time.now += 31 * 24 * HOUR
    hub.start()
    hub.pass_time(60)
    start(hub)


def test_a_restart_of_the_hub_forgets_nothing_that_was_spent(world, make_hub):
    hub = make_hub(budgets={"user": 3})
    start(hub)
    hub.pass_time(HOUR)
    hub.kill()
    world.wait_until(world.time.now + HOUR)
    hub.start()
    hub.pass_time(120)
    assert any("is used up" in told for told in notices(hub)), notices(hub)
    assert hub.serving()
    hub.pass_time(GRACE + 120)
    assert not hub.serving() and states(world, hub) == ["stopped"]


def test_the_hubs_budget_counts_what_everybody_spends(world, make_hub):
    hub = make_hub(budgets={"hub": {"usd": 3, "per": "all"}})
    start(hub)
    hub.call("POST", "/users/bob")
    hub.call("POST", "/users/bob/server")
    hub.pass_time(HOUR)
    assert set(hub.serving()) == {"alice", "bob"}
    for user in ("alice", "bob"):
        (told,) = notices(hub, user)
        assert told.startswith("This hub's budget of 3.00 USD in all is used up") or (
            "50 % of this hub's budget" in told
        )
    hub.pass_time(HOUR + GRACE)
    assert not hub.serving()
    assert hub.call("POST", "/users/bob/server")[0] == 403


def test_the_budget_of_a_group_counts_what_its_members_spend(world, make_hub):
    hub = make_hub(budgets={"group:hydro": 3})
    db = hub.app.db
    for user in ("bob", "carol"):
        hub.call("POST", f"/users/{user}")
    members = [orm.User.find(db, name) for name in ("alice", "bob")]
    db.add(orm.Group(name="hydro", users=members))
    db.commit()
    for user in ("alice", "bob", "carol"):
        hub.call("POST", f"/users/{user}/server")
    hub.pass_time(HOUR)
    assert set(hub.serving()) == {"alice", "bob", "carol"}
    (told,) = notices(hub, "bob")
    assert told.startswith("The budget of your group 'hydro' of 3.00 USD a month is us")
    assert not notices(hub, "carol")
    hub.pass_time(HOUR + GRACE)
    assert set(hub.serving()) == {"carol"}
    assert states(world, hub).count("stopped") == 2
    for user in ("alice", "bob"):
        status, answer = hub.call("POST", f"/users/{user}/server")
        assert status == 403 and "your group 'hydro'" in answer["message"]


def test_at_an_unknown_price_there_is_nothing_but_words(world, make_hub):
    hub = make_hub(budgets={"user": 0.001, "hub": 0.001}, prices={})
    machine = start(hub)
    hub.pass_time(2 * HOUR)
    assert hub.serving() == {"alice": machine}
    (told,) = notices(hub)
    assert told.startswith("Nobody knows the price of gp3, t3.small, so it counts")


def test_an_unknown_price_may_be_refused(world, make_hub):
    hub = make_hub(budgets={"user": 5}, prices={}, budget_unknown="refuse")
    status, answer = hub.call("POST", "/users/alice/server")
    assert status == 403
    assert answer["message"].startswith("Nobody knows the price of t3.small")
    assert not states(world, hub)


def test_a_hub_that_is_killed_while_it_stops_for_a_budget_ends_nothing(world, make_hub):
    hub = make_hub(budgets={"user": 1})
    start(hub)
    hub.deadly, hub.steps_left = "before StopInstances", 0
    hub.pass_time(HOUR + GRACE)
    assert not hub.alive
    world.wait_until(world.time.now + 300)
    hub.start()
    hub.pass_time(300)
    assert not hub.serving() and states(world, hub) == ["stopped"]


def test_a_user_has_no_more_homes_than_the_limit(world, make_hub):
    hub = make_hub(
        home="server", max_homes_per_user=1, home_on_delete="keep", sweep_interval=20
    )
    start(hub, "/servers/one")
    hub.pass_time(60)
    status, answer = hub.call("POST", "/users/alice/servers/two")
    assert status == 429 and answer["message"].startswith("You have 1 homes")
    # Its own home is no reason to refuse a server.
    hub.call("DELETE", "/users/alice/servers/one")
    hub.pass_time(60)
    start(hub, "/servers/one")
