"""What machines are given for people to read, with orders and heartbeats."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from .test_budgets import HOUR, SPENDING
from .test_ledger import start


@pytest.fixture
def make_hub(hubs_with):
    return hubs_with(SPENDING)


@contextmanager
def statements_of(hub):
    """What a Hub asks its database meanwhile."""
    statements: list[str] = []

    def note(connection, cursor, statement, *more):
        statements.append(statement)

    engine = hub.app.db.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def told_by(hub, machine):
    """What people are to read by the Hub's answer to a heartbeat."""
    status, text = hub.run(machine.post("heartbeat", {}))
    assert status == 200
    return json.loads(text)["told"]


def test_a_heartbeat_tells_of_costs_and_budgets_and_costs_no_query(world, make_hub):
    hub = make_hub(budgets={"user": 2.2, "hub": 100})
    machine = world.machine(start(hub))
    assert "{cost} USD so far" in machine.orders["told"]["bar"]
    hub.pass_time(HOUR)
    with statements_of(hub) as asked:
        told = told_by(hub, machine)
    assert not asked
    with statements_of(hub) as asked:
        hub.call("GET", "/users/alice")
    assert asked, "so that we look where it asks"
    assert 1.9 < told["cost"] < 2.1 and told["rate"] == 2.0
    [notice] = [each for each in told["notices"] if "budget" in each["id"]]
    assert notice["text"].startswith("90 % of your budget of 2.20 USD a month")


def test_who_is_stopped_for_a_budget_reads_it_after_the_next_start(world, make_hub):
    hub = make_hub(budgets={"user": 2})
    start(hub)
    hub.pass_time(2 * HOUR)
    assert not hub.serving()
    hub.kill()
    hub.settings["budgets"] = {"user": 200}  # an admin raises it
    hub.start()
    machine = world.machine(start(hub))
    for told in (machine.orders["told"], told_by(hub, machine)):
        [notice] = [each for each in told["notices"] if "ended" in each["id"]]
        assert notice["once"] and notice["left"] < 0
        assert notice["text"].startswith("Your server was stopped on {day}")


def test_a_hub_that_is_not_to_talk_sends_nothing(world, make_hub):
    machine = world.machine(start(make_hub(talk_to_people=False)))
    assert machine.orders["kit"] == machine.orders["told"] == {}
    hub = machine.hub
    assert told_by(hub, machine) == {}
