"""What EC2 shows as before is booked as what is new would be, and takes no time."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ec2spawner.costs.ledger import Ledger
from ec2spawner.costs.price_list import PriceList
from ec2spawner.costs.runs import Kind, Run
from ec2spawner.costs.unchanged import Unchanged, seen_again
from ec2spawner.ec2.machines import Machine

BEGAN = 1_800_000_000
PRICES = PriceList({}, {"t3.small": 0.02, "public-ipv4": 0.005})


def history(seed):
    """Listings, each after some seconds: (seconds, machines, complete)."""
    chance = random.Random(seed)
    machines = {}
    for _ in range(60):
        for number in range(4):
            if chance.random() < 0.25:
                state = chance.choice(
                    ["pending", "running", "stopping", "stopped", "terminated"]
                )
                machines[number] = Machine(
                    f"i-{number}",
                    state,
                    instance_type=chance.choice(["t3.small", "m5.huge"]),
                    launched_at=float(BEGAN + chance.randint(0, 3) * 4000),
                    public=chance.random() < 0.5,
                    ended_at=chance.choice([0.0, BEGAN + 20_000.0]),
                )
        shown = [m for m in machines.values() if chance.random() < 0.9]
        yield chance.randint(1, 500), shown, chance.random() < 0.7


def everything(book):
    return book.runs, book.fresh, book.changed, book.seen, book._absent, book._last


@pytest.mark.parametrize("seed", range(30))
def test_the_same_objects_are_booked_as_equal_ones_are(seed):
    lists = [PRICES, PRICES, replace(PRICES, given={"m5.huge": 1.0})]
    prices, now = {"now": PRICES}, BEGAN
    same, fresh = Ledger(lambda: prices["now"]), Ledger(lambda: prices["now"])
    chance = random.Random(seed)
    for seconds, shown, complete in history(seed):
        now += seconds
        if chance.random() < 0.1:
            prices["now"] = chance.choice(lists)
        same.see("r", shown, now, complete)
        fresh.see("r", [replace(machine) for machine in shown], now, complete)
        assert everything(same) == everything(fresh)
        if chance.random() < 0.1:
            for book in (same, fresh):
                book.restore(list(book.runs.values()), {}, {"r": now - 100})
    assert same.runs


def test_a_machine_that_goes_on_is_not_booked_anew(monkeypatch):
    book, machine = Ledger(lambda: PRICES), Machine("i-1", "running", launched_at=BEGAN)
    book.see("r", [machine], BEGAN, complete=True)
    monkeypatch.setattr(Ledger, "_see_machine", None)
    book.see("r", [machine], BEGAN + 60, complete=True)
    assert [run.seen for run in book.runs.values()] == [BEGAN + 60]


def test_what_has_ended_or_has_other_prices_is_to_be_booked():
    unchanged, run = Unchanged(), Run("i-1", BEGAN, Kind.MACHINE)
    machine = Machine("i-1", "running")
    unchanged.booked(machine, PRICES, run)
    assert unchanged.keys(machine, PRICES) == (run.key,)
    assert unchanged.keys(machine, replace(PRICES)) == ()
    assert unchanged.keys(replace(machine), PRICES) == ()
    unchanged.booked(machine, PRICES, replace(run, ended=BEGAN + 1))
    assert unchanged.keys(machine, PRICES) == ()


def test_a_run_that_is_seen_again_is_another_and_never_seen_before():
    run = Run("i-1", BEGAN, Kind.MACHINE, seen=BEGAN)
    assert seen_again(run, BEGAN + 5.5) == replace(run, seen=BEGAN + 5)
    assert run.seen == BEGAN and seen_again(run, BEGAN - 5) is run
