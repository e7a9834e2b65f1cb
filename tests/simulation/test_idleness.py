"""Servers that nobody uses are warned and stopped, and no others, whatever happens."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ec2spawner.hub.pages.announcements import notices_of

from .scenarios import OVER_HOURS
from .test_floods import lines_of
from .test_ledger import settled
from .virtual_machine import VirtualUse
from .virtual_world import saved

HOUR, MINUTE = 3600, 60
IDLE = {
    **OVER_HOURS,
    "home": "none",
    "idle_timeout": HOUR,
    "idle_warning": 600,
    "prices": {"t3.small": 2.0, "ebs:gp3": 0.08},
    "prices_region": "",
}


@pytest.fixture
def make(hubs_with, world):
    """Makes a hub whose alice, and others, have servers that nobody uses from now."""

    def make(*others, **settings):
        hub = hubs_with(IDLE, *others)(**settings)
        for user in ("alice", *others):
            assert hub.call("POST", f"/users/{user}/server")[0] in (201, 202)
        hub.pass_until(lambda: len(hub.serving()) == 1 + len(others), 300)
        machines = [world.machine(hub.serving()[u]) for u in ("alice", *others)]
        for machine in machines:
            machine.use = VirtualUse(world.time.now)
            machine.beat_at = 0
        return hub, *machines

    return make


def told(hub, user="alice"):
    return notices_of(hub.app.users[user])


def state(hub, user="alice"):
    return saved(hub)[user, ""][1]


def test_an_idle_server_is_warned_stopped_and_its_user_reads_why(make, world):
    hub, machine = make()
    began = world.time.now
    hub.pass_time(49 * MINUTE)
    assert not told(hub)
    hub.pass_time(2 * MINUTE)
    (warning,) = told(hub)
    assert warning.startswith("Your server stops at")
    assert "nobody has used it and nothing has run on it for 5" in warning
    hub.pass_time(8 * MINUTE)
    assert hub.serving()
    hub.pass_time(3 * MINUTE)
    assert not hub.serving() and settled(hub)
    last = state(hub).last_stop
    assert last.limit == "idle" and abs(last.at - last.idle_since - HOUR) < 60
    assert last.usd == pytest.approx(2.0, abs=0.2)
    (why,) = told(hub)
    assert "was stopped on" in why and "for 1 h. Its machine had cost 2." in why
    assert "Start the server again when you want it." in why
    assert began < world.time.now


def test_after_the_next_start_the_facts_of_the_last_stop_are_known_still(make, world):
    hub, machine = make()
    hub.pass_time(62 * MINUTE)
    assert not hub.serving()
    hub.call("POST", "/users/alice/server")
    hub.pass_until(lambda: hub.serving(), 300)
    assert not told(hub) and state(hub).last_stop.limit == "idle"


@pytest.mark.parametrize("runs", ["a kernel is busy (python3)", ""])
def test_who_computes_or_comes_back_is_left_alone(make, world, runs):
    hub, machine = make()
    machine.use.runs = runs
    for _ in range(4):
        hub.pass_time(30 * MINUTE)
        if not runs:
            machine.use.used_at = world.time.now
    assert hub.serving() and not told(hub)


def test_who_comes_back_when_warned_is_left_alone(make, world):
    hub, machine = make()
    hub.pass_time(55 * MINUTE)
    assert told(hub)
    machine.use.used_at = world.time.now
    hub.pass_time(2 * MINUTE)
    assert not told(hub)
    hub.pass_time(45 * MINUTE)
    assert hub.serving()


def test_a_heartbeat_writes_nothing_and_asks_the_database_nothing(make, world):
    hub, machine = make()
    machine.use.runs = "python uses 3.1 CPUs"
    hub.pass_time(10 * MINUTE)
    hub.steps.clear()
    hub.pass_time(30 * MINUTE)
    assert hub.steps.count("commit") == 0


def test_a_server_is_unknown_and_in_use_after_a_restart_until_its_machine_speaks(
    make, world
):
    hub, machine = make()
    hub.pass_time(50 * MINUTE)
    hub.kill()
    machine.mute = True
    hub.start()
    hub.pass_time(HOUR)
    assert hub.serving(), "nobody knows whether it is used"
    machine.mute = False
    hub.pass_time(2 * MINUTE)
    (warning,) = [text for text in told(hub) if "stops at" in text]
    hub.pass_time(7 * MINUTE)
    assert hub.serving(), "it is warned for as long as any other"
    hub.pass_time(4 * MINUTE)
    assert not hub.serving()


def test_a_hub_that_has_slept_stops_nobody_by_what_it_knew_before(make, world):
    hub, one, two, three, four = make("bob", "carol", "dave")
    hub.pass_time(51 * MINUTE)
    assert all(told(hub, user) for user in ("alice", "bob", "carol", "dave"))
    lines = lines_of(hub.spawners["alice"].log)
    used = world.time.now + 9 * MINUTE
    # It stands still; its users come back meanwhile.
    world.time.now += 10 * MINUTE
    for machine in (one, two, three, four):
        machine.use.used_at, machine.beat_at = used, world.time.now + 40
    hub.pass_time(30)
    assert len(hub.serving()) == 4
    assert any("has looked at no server for" in line for line in lines)
    hub.pass_time(5 * MINUTE)
    assert len(hub.serving()) == 4
    assert not any(told(hub, user) for user in ("alice", "bob", "carol", "dave"))


def test_keep_gives_what_the_admin_allows_and_is_remembered_by_the_next_hub(
    make, world
):
    hub, machine, of_bob = make("bob", keep_seconds=HOUR, keep_limit=1.5 * HOUR)
    began = world.time.time()
    hub.pass_time(55 * MINUTE)
    machine.use.keep = 1.0
    hub.pass_time(2 * MINUTE)
    assert not told(hub) and told(hub, "bob")
    kept = state(hub).current
    assert kept.kept_seconds == pytest.approx(HOUR, abs=60)
    hub.kill()
    hub.start()
    hub.pass_time(HOUR / 2)
    assert hub.serving() and state(hub).current.kept_until == kept.kept_until
    # Nobody has more of what another one has asked for.
    assert "bob" not in hub.serving()
    # Whoever presses all the time gets what is left of the limit, and no more.
    for press in range(2, 20):
        if machine.use is None:
            break  # it has ended
        machine.use.keep = float(press)
        hub.pass_time(5 * MINUTE)
    assert not hub.serving()
    last = state(hub).last_stop
    assert last.limit == "idle"
    # From 55 minutes on, when it was not used for the last time.
    assert last.at - began == pytest.approx(55 * MINUTE + 1.5 * HOUR, abs=3 * MINUTE)


def test_a_press_that_gives_nothing_writes_nothing(make, world):
    hub, machine = make(keep_limit=0)
    hub.pass_time(10 * MINUTE)
    hub.steps.clear()
    for press in range(1, 20):
        machine.use.keep, machine.beat_at = float(press), 0
        hub.pass_time(5)
    assert hub.steps.count("commit") == 0


def test_a_budget_that_is_used_up_is_not_held_off_by_keep(make, world):
    hub, machine = make(budgets={"user": 1.0}, budget_grace=60)
    hub.pass_time(31 * MINUTE)
    machine.use.keep, machine.beat_at = 1.0, 0
    hub.pass_time(10)
    assert not state(hub).current.kept_seconds
    hub.pass_time(2 * MINUTE)
    assert not hub.serving()


@pytest.mark.parametrize("runs", ["python uses 3.1 CPUs", ""])
def test_no_machine_lives_beyond_its_age_whatever_it_says(make, world, runs):
    hub, machine = make(max_age=HOUR, idle_timeout=0)
    machine.use.runs, machine.use.keep = runs, 1.0
    hub.pass_time(51 * MINUTE)
    assert "it has run for 1 h" in told(hub)[0] and "Save your work" in told(hub)[0]
    hub.pass_time(8 * MINUTE)
    assert hub.serving()
    hub.pass_time(3 * MINUTE)
    assert not hub.serving() and state(hub).last_stop.limit == "age"


def test_a_busy_machine_where_nobody_is_stops_after_its_limit(make, world):
    hub, machine = make(busy_limit=2 * HOUR)
    machine.use.runs = "a kernel is busy (python3)"
    hub.pass_time(111 * MINUTE)
    assert "although something runs on it" in told(hub)[0]
    hub.pass_time(12 * MINUTE)
    assert not hub.serving() and state(hub).last_stop.limit == "busy"


def test_a_dry_run_only_says_what_it_would_do(make, world):
    hub, machine = make(idle_action="log")
    lines = lines_of(hub.spawners["alice"].log)
    hub.pass_time(65 * MINUTE)
    assert hub.serving() and not told(hub)
    assert len([line for line in lines if "would be stopped in" in line]) == 1
    assert len([line for line in lines if "would be stopped now" in line]) == 1


def test_where_people_cannot_be_seen_it_is_never_stricter_than_the_hubs_own_clock(
    make, world
):
    hub, machine = make()
    machine.use.sees_people = False
    for _ in range(3):
        hub.pass_time(30 * MINUTE)
        assert hub.call("POST", "/users/alice/activity", activity(world))[0] == 200
    assert hub.serving()
    hub.pass_time(62 * MINUTE)
    assert not hub.serving()


def activity(world):
    now = datetime.fromtimestamp(world.time.time(), timezone.utc).isoformat()
    return {"servers": {"": {"last_activity": now}}}


@pytest.mark.parametrize("on_stop, then", [("terminate", []), ("stop", ["stopped"])])
def test_what_becomes_of_the_machine_is_as_after_any_stop(make, world, on_stop, then):
    hub, machine = make(on_stop=on_stop)
    hub.pass_time(70 * MINUTE)
    assert [m.state for m in world.living(hub)] == then


def test_a_hub_that_is_killed_while_it_stops_an_idle_server_goes_on_with_that(
    make, world
):
    hub, machine = make()
    hub.deadly, hub.steps_left = "before TerminateInstances", 0
    hub.pass_time(70 * MINUTE)
    assert not hub.alive
    hub.start()
    hub.pass_time(10 * MINUTE)
    assert not hub.serving() and not world.living(hub)
    assert state(hub).last_stop.limit == "idle"


def test_a_stop_that_the_proxy_has_refused_is_done_later_though_somebody_came_back(
    make, world, monkeypatch
):
    """Its machine is being stopped already, and its user has read why."""
    hub, machine = make()
    delete, refused = hub.app.proxy.delete_user, []

    async def sometimes(user, name):
        if not refused:
            refused.append(name)
            raise ConnectionRefusedError
        await delete(user, name)

    monkeypatch.setattr(hub.app.proxy, "delete_user", sometimes)
    hub.pass_until(lambda: refused, 70 * MINUTE)
    machine.use.used_at = world.time.now
    hub.pass_time(2 * MINUTE)
    assert not hub.serving() and settled(hub) and not world.living(hub)
