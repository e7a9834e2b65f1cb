"""The ledger, against the local EC2's own record of when machines ran."""

from __future__ import annotations

import logging

import pytest
from jupyterhub import orm
from sqlalchemy.exc import OperationalError

from ec2spawner.costs.runs import Kind, Run
from ec2spawner.costs.store import Store
from ec2spawner.hub.database.own import own_engine

from .scenarios import SETTINGS
from .virtual_world import OVER

PRICES = {"t3.small": 0.02, "t3.large": 0.08, "ebs:gp3": 0.08, "ebs:snapshot": 0.05}
KEPT = {**SETTINGS, "on_stop": "stop", "prices": PRICES}
# What changes is written within seconds.
WRITTEN = 10


@pytest.fixture
def record(world, monkeypatch):
    """(instance id, LaunchTime) -> when it ended; None while it runs."""
    from localec2.world.instance import LocalInstance

    runs: dict[tuple[str, int], int | None] = {}
    put = LocalInstance.put

    def watched(instance, state, reason=None, why=""):
        now = int(world.time.time() - world.time.wrong)
        going = [key for key, end in runs.items() if key[0] == instance.id and not end]
        put(instance, state, reason, why)
        if state in ("running", "pending") and not going:
            runs[instance.id, now] = None
        elif state in (*OVER, "stopping", "stopped"):
            for key in going:
                runs[key] = now

    monkeypatch.setattr(LocalInstance, "put", watched)
    return runs


@pytest.fixture
def make_hub(hubs_with):
    return hubs_with(KEPT)


def start(hub, server="/server"):
    assert hub.call("POST", f"/users/alice{server}")[0] in (201, 202)
    hub.pass_until(lambda: hub.serving(), 300)
    return next(iter(hub.serving().values()))


def stop(hub):
    assert hub.call("DELETE", "/users/alice/server")[0] in (202, 204)
    hub.pass_until(lambda: "alice" not in hub.serving() and settled(hub), 100)


def settled(hub) -> bool:
    return not any(s.active or s.pending for s in hub.spawners.values())


def booked(hub) -> list[Run]:
    engine = own_engine(f"sqlite:///{hub.folder / 'jupyterhub.sqlite'}", {})
    return sorted(Store(engine, hub.hub_id).load(0).runs, key=lambda run: run.key)


def machine_runs(hub):
    return {run.key: run.ended for run in booked(hub) if run.kind is Kind.MACHINE}


def test_the_ledger_is_ec2s_own_record(world, make_hub, record):
    hub = make_hub()
    for _ in range(2):
        start(hub)
        hub.pass_time(1234)
        stop(hub)
        hub.pass_time(777)
    assert machine_runs(hub) == record and len(record) == 2
    assert None not in record.values()


DEATHS = [
    pytest.param(f"{when} {call}", marks=marks)
    for call in ("RunInstances", "StopInstances", "StartInstances", "Terminate")
    for when, marks in (("before", pytest.mark.slow), ("after", ()))
]


@pytest.mark.parametrize("death", DEATHS)
def test_a_hub_that_is_killed_and_away_misses_no_second(world, make_hub, record, death):
    hub = make_hub(on_stop="terminate" if "Terminate" in death else "stop")
    if "Start" in death:
        start(hub)
        hub.pass_time(50)
        stop(hub)
        hub.pass_time(WRITTEN)
    hub.deadly, hub.steps_left = death, 0
    hub.call("POST", "/users/alice/server")
    if hub.alive:
        hub.pass_time(300)
        hub.call("DELETE", "/users/alice/server")
        hub.pass_time(10)
    assert not hub.alive
    # EC2 shows for a while what has ended: here ten minutes.
    world.wait_until(world.time.now + (300 if "Terminate" in death else 1000))
    hub.start()
    hub.pass_time(300)
    if hub.serving():
        stop(hub)
        hub.pass_time(WRITTEN)
    # One that shuts itself down has no time from EC2: it was seen to run until then.
    untold = {run.key for run in booked(hub) if not (run.open or run.exact)}
    runs = machine_runs(hub)
    assert runs.keys() == record.keys()
    for key, ended in runs.items():
        if key in untold:
            assert 0 <= record[key] - ended <= KEPT["slow_interval"]
        else:
            assert ended == record[key]


def test_what_others_do_while_the_hub_is_away_is_booked_to_the_second(
    world, make_hub, record
):
    hub = make_hub()
    machine = start(hub)
    hub.pass_time(100)
    hub.kill()
    world.wait_until(world.time.now + 500)
    world.cloud.lifecycle.stop(world.cloud.instance(machine))
    world.wait_until(world.time.now + 5000)
    hub.start()
    hub.pass_time(60)
    assert machine_runs(hub) == record and len(record) == 1
    hub.kill()
    world.wait_until(world.time.now + 500)
    world.cloud.lifecycle.start(world.cloud.instance(machine))
    world.wait_until(world.time.now + 800)
    world.cloud.lifecycle.terminate(world.cloud.instance(machine))
    world.wait_until(world.time.now + 300)
    hub.start()
    hub.pass_time(60)
    assert machine_runs(hub) == record and len(record) == 2


def test_what_is_booked_again_changes_nothing(world, make_hub, record):
    hub = make_hub()
    start(hub)
    hub.pass_time(300)
    stop(hub)
    hub.pass_time(WRITTEN)
    before = booked(hub)
    world.time.now += 40 * 86400  # the next month: nothing of it is in memory
    for _ in range(2):
        hub.kill()
        hub.start()
        hub.pass_time(60)
    again = booked(hub)
    assert [r for r in again if not r.open] == [r for r in before if not r.open]
    assert {r.key: r.usd for r in again} == {r.key: r.usd for r in before}
    assert machine_runs(hub) == record


def test_the_price_is_the_one_of_then_and_whose_it_is_stays(world, make_hub):
    hub = make_hub()
    db = hub.app.db
    db.add(orm.Group(name="hydro", users=[orm.User.find(db, "alice")]))
    db.commit()
    start(hub)
    hub.pass_time(300)
    stop(hub)
    hub.pass_time(WRITTEN)
    hub.kill()
    hub.settings["prices"] = {**PRICES, "t3.small": 99.0}
    hub.start()
    hub.call("DELETE", "/users/alice")
    hub.pass_time(100)
    (run,) = [run for run in booked(hub) if run.kind is Kind.MACHINE]
    assert (run.usd, run.type) == (0.02, "t3.small")
    assert (run.who.user, run.who.groups) == ("alice", ("hydro",))
    assert run.who.profile == "small"


def test_costs_follow_users_who_swap_their_names(world, make_hub):
    hub = make_hub()
    hub.call("POST", "/users/bob")
    start(hub)
    hub.pass_time(1000)
    stop(hub)
    hub.pass_time(WRITTEN)

    def spent(user, month=""):
        return hub.runtime.ledger.of_user(user, world.time.time(), month)

    def swap():
        for name, new in (("alice", "x"), ("bob", "alice"), ("x", "bob")):
            assert hub.call("PATCH", f"/users/{name}", {"name": new})[0] == 200

    assert spent("alice").usd > 0 and not spent("bob").usd
    swap()
    hub.pass_time(120)
    assert spent("bob").usd > 0 and not spent("alice").usd
    assert {run.who.user for run in booked(hub)} == {"bob"}
    # Also while the Hub was away, and of what is not in memory any more.
    hub.kill()
    world.time.now += 40 * 86400
    hub.start()
    hub.pass_time(60)
    assert spent("bob").machines > 0 and not spent("alice").usd
    swap()
    hub.pass_time(120)
    assert spent("alice").machines > 0 and not spent("bob").usd


def test_who_is_deleted_is_no_one_who_comes_after_them(world, make_hub):
    """SQLite gives the new user the id of the last one."""
    hub = make_hub()
    start(hub)
    hub.pass_time(1000)
    stop(hub)
    hub.pass_time(WRITTEN)
    hub.call("DELETE", "/users/alice")
    hub.call("POST", "/users/carol")
    hub.pass_time(300)
    assert {run.who.user for run in booked(hub)} == {"alice"}
    assert not hub.runtime.ledger.of_user("carol", world.time.time()).usd


def test_the_archive_of_a_home_costs_its_owner_who_is_not_there_any_more(
    world, make_hub
):
    hub = make_hub(home_on_delete="snapshot")
    start(hub)
    hub.pass_time(60)
    stop(hub)
    hub.call("DELETE", "/users/alice")
    hub.pass_until(lambda: world.archives(hub), 600)
    hub.pass_time(300)
    (run,) = [run for run in booked(hub) if run.kind is Kind.ARCHIVE]
    assert run.open and run.size == 1 and run.usd == PRICES["ebs:snapshot"]
    assert run.who.user == "alice" and run.id in world.archives(hub)


def test_homes_and_disks_are_booked_until_they_are_deleted(world, make_hub):
    hub = make_hub(home="user", on_stop="terminate")
    start(hub)
    hub.pass_time(300)
    kinds = {run.kind: run for run in booked(hub)}
    assert set(kinds) >= {Kind.HOME, Kind.DISK, Kind.MACHINE}
    assert {run.who.user for run in kinds.values()} == {"alice"}
    stop(hub)
    hub.pass_time(1500)
    kinds = {run.kind: run for run in booked(hub)}
    machine, disk = kinds[Kind.MACHINE], kinds[Kind.DISK]
    assert kinds[Kind.HOME].open and disk.ended == machine.ended
    spent = hub.runtime.ledger.of_user("alice", world.time.time())
    assert spent.storage > 0 and not spent.unknown


def test_a_database_that_takes_no_writes_costs_one_line_and_no_start(
    world, make_hub, record
):
    hub = make_hub()
    hub.pass_time(100)
    refused, said = [], []

    def say(logger, level, text, *args, **more):
        said.append(text)

    def refuse(store, runs, seen):
        refused.append(runs)
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "save", refuse)
        patch.setattr(logging.Logger, "log", say)
        start(hub)
        hub.pass_time(1000)
        stop(hub)
        start(hub)
        hub.pass_time(100)
        spent = hub.runtime.ledger.of_user("alice", world.time.time())
    assert len(refused) > 2 and spent.machines > 0
    assert sum("ledger cannot be written" in text for text in said) == 1
    stop(hub)
    hub.pass_time(100)
    assert machine_runs(hub) == record
