"""The ledger: what is booked, in which order whatsoever, and what it costs."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import permutations

import pytest

from ec2spawner.costs.ledger import Ledger
from ec2spawner.costs.price_list import PriceList
from ec2spawner.costs.runs import READY, Key, Kind, Run, Who, booked, bounds, month_of
from ec2spawner.costs.spent import Spent, total
from ec2spawner.ec2.machines import Machine
from ec2spawner.ec2.resources import Resource, ResourceKind
from ec2spawner.ec2.snapshots import Snapshot

HOUR = 3600
BEGAN = 1_800_000_000
PRICES = PriceList(
    {}, {"t3.small": 0.02, "ebs:gp3": 0.08, "public-ipv4": 0.005, "ebs:snapshot": 0.05}
)


def machine(state="running", began=BEGAN, **more):
    more = {"instance_type": "t3.small", "zone": "a", **more}
    return Machine("i-1", state, launched_at=float(began), **more)


def volume(id="vol-1", size=100, created=BEGAN, **more):
    more = {"type": "gp3", "state": "in-use", **more}
    kind = ResourceKind.VOLUME
    return Resource(id, kind, size=size, launched_at=float(created), **more)


def ledger():
    return Ledger(lambda: PRICES)


def ends(book):
    return {run.began: run.ended for run in book.runs.values()}


RAN = [machine("pending"), machine("running")]
STOPPED = [machine(state, ended_at=BEGAN + 500) for state in ("stopping", "stopped")]
AGAIN = [machine("running", began=BEGAN + 900)]
OVER = [machine("terminated", began=BEGAN + 900, ended_at=BEGAN + 1500)]


def test_every_start_of_a_machine_is_a_run():
    book = ledger()
    for at, each in enumerate(RAN + STOPPED + AGAIN + OVER):
        book.see("r", [each], BEGAN + 300 * at)
    assert ends(book) == {BEGAN: BEGAN + 500, BEGAN + 900: BEGAN + 1500}


def test_a_machine_that_was_ready_has_a_run_of_its_own_once_it_is_given_away():
    book, given = ledger(), BEGAN + HOUR
    book.see("r", [machine()], BEGAN + 10)
    (first,) = book.runs
    book.name(first, READY)
    book.see("r", [machine()], given - 5)
    book.see("r", [machine(given_at=float(given))], given + HOUR, complete=True)
    assert ends(book) == {BEGAN: given - 5, given: None}
    assert book.runs[Key("i-1", given)].who == Who()
    # When it is stopped and woken later, that is a run as any other.
    woken = machine(began=given + 2 * HOUR, given_at=float(given))
    book.see("r", [machine("stopped", given_at=float(given))], given + HOUR + 5)
    book.see("r", [woken], given + 3 * HOUR)
    assert list(ends(book)) == [BEGAN, given, given + 2 * HOUR]


def test_what_is_told_twice_late_or_in_another_order_is_booked_once():
    rows = [RAN[1], STOPPED[1], AGAIN[0], OVER[0]]
    for order in permutations(rows + [STOPPED[1]]):
        book = ledger()
        for at, each in enumerate([*order, OVER[0]]):
            book.see("r", [each], BEGAN + 2000 + at)
        found = ends(book)
        assert found[BEGAN + 900] == BEGAN + 1500
        assert found[BEGAN] == BEGAN + 500


def test_a_stopped_machine_that_is_terminated_has_cost_nothing_since():
    book = ledger()
    for each in (RAN[1], STOPPED[1], machine("terminated", ended_at=BEGAN + 9999)):
        book.see("r", [each], BEGAN + 10)
    assert ends(book) == {BEGAN: BEGAN + 500}


@pytest.mark.parametrize(
    "told, seen, now, lease, ended",
    [
        (500, 400, 600, 0, (500, True)),
        (0, 400, 415, 0, (400, False)),
        (0, 400, 9000, 0, (400, False)),
        (0, 400, 9000, 5000, (5000, False)),
        (0, 400, 3000, 5000, (3000, False)),
        (-500, 400, 415, 0, (400, False)),  # of the start before
    ],
)
def test_an_end_is_what_ec2_says_or_when_it_was_seen_last(
    told, seen, now, lease, ended
):
    run = Run("i-1", BEGAN, Kind.MACHINE, seen=BEGAN + seen)
    over = machine(
        "stopped",
        ended_at=BEGAN + told if told else 0.0,
        lease_until=BEGAN + lease if lease else 0.0,
    )
    run = booked(run, over, BEGAN + now)
    assert (run.ended - BEGAN, run.exact) == ended


def test_a_machine_that_listings_lack_ends_late_and_goes_on_when_it_is_back():
    book = ledger()
    book.see("r", [machine()], BEGAN + 100, complete=True)
    book.see("r", [], BEGAN + 200, complete=True)
    book.see("r", [], BEGAN + 700, complete=False)
    assert ends(book) == {BEGAN: None}
    book.see("elsewhere", [], BEGAN + 5000, complete=True)
    assert ends(book) == {BEGAN: None}
    book.see("r", [], BEGAN + 900, complete=True)
    assert ends(book) == {BEGAN: BEGAN + 100}
    book.see("r", [machine()], BEGAN + 1000, complete=True)
    assert ends(book) == {BEGAN: None}


def test_the_price_is_that_of_the_beginning_and_one_unknown_comes_later():
    known = [PriceList()]
    book = Ledger(lambda: known[0])
    book.see("r", [machine()], BEGAN + 1)
    assert book.of_machine("i-1", BEGAN + HOUR) == Spent(
        unknown=frozenset({"t3.small"})
    )
    for usd in (0.02, 99.0):
        known[0] = PriceList({}, {"t3.small": usd})
        book.see("r", [machine()], BEGAN + 2)
    assert book.of_machine("i-1", BEGAN + HOUR) == Spent(machines=0.02)


def test_a_run_costs_a_minute_at_least_and_a_public_address_as_long_as_it_runs():
    book = ledger()
    book.see("r", [machine(public=True)], BEGAN + 1)
    over = machine("terminated", ended_at=BEGAN + 30)
    book.see("r", [over], BEGAN + 40)
    spent = book.of_machine("i-1", BEGAN + HOUR)
    assert spent.machines == pytest.approx(0.02 / 60 + 0.005 * 30 / HOUR)


def test_what_is_stored_costs_while_it_is_there_and_more_when_it_has_grown():
    book = ledger()
    book.see_volumes("r", [volume(home=True)], BEGAN + 10)
    book.see_volumes("r", [volume(home=True, size=200)], BEGAN + 730 * HOUR)
    now = BEGAN + 2 * 730 * HOUR
    assert book.of_hub(now).storage == pytest.approx(8.0 + 16.0)
    book.see_volumes("r", [volume(home=True, size=200)], now)
    for later in (100, 800):
        book.see_volumes("r", [], now + later)
    assert book.of_hub(now + 999 * HOUR).storage == pytest.approx(24.0, rel=1e-3)


def test_a_root_disk_ends_with_its_machine():
    book = ledger()
    book.see("r", [machine()], BEGAN + 10)
    book.see_volumes("r", [volume(used_by="i-1")], BEGAN + 20)
    book.see("r", [machine("terminated", ended_at=BEGAN + 50)], BEGAN + 60)
    for at in (100, 800):
        book.see_volumes("r", [], BEGAN + at)
    assert set(ends(book).values()) == {BEGAN + 50}


def test_the_disk_of_a_stopped_machine_counts_in_each_month():
    book = ledger()
    book.see("r", [machine()], BEGAN + 10)
    book.see_volumes("r", [volume(used_by="i-1")], BEGAN + 20)
    book.see("r", STOPPED, BEGAN + 600)
    for run in list(book.runs):
        book.name(run, Who("alice"))
    months = [month_of(BEGAN + days * 24 * HOUR) for days in (31, 62)]
    now = BEGAN + 100 * 24 * HOUR
    for month in months:
        spent = book.of_user("alice", now, month)
        since, until = bounds(month)
        assert spent.storage == pytest.approx(8.0 * (until - since) / (730 * HOUR))
        assert spent.machines == 0


def archive(full=2.5, state="completed", **more):
    more = {"archive_of": "vol-1", "size": 100, "began": float(BEGAN), **more}
    return Snapshot("snap-1", state, "vol-1", full=full, **more)


def test_a_home_that_is_kept_as_a_snapshot_costs_what_it_takes_up():
    book = ledger()
    book.see_archives("r", [archive(0.0, "pending")], BEGAN)
    assert book.of_hub(BEGAN + 9).unknown == {"snapshot"}
    book.see_archives("r", [archive()], BEGAN + 10)
    book.see_archives("r", [archive()], BEGAN + 20)
    assert len(book.runs) == 2
    spent = book.of_hub(BEGAN + 10 + 730 * HOUR)
    assert spent.storage == pytest.approx(3 * 0.05)  # a GiB that is begun is one
    for at in (100, 800):
        book.see_archives("r", [], BEGAN + at)
    assert not any(run.open for run in book.runs.values())


@pytest.mark.parametrize("full, tier", [(0.0, "standard"), (2.5, "archive")])
def test_a_snapshot_of_which_ec2_does_not_tell_enough_has_no_price(full, tier):
    book = ledger()
    book.see_archives("r", [archive(full, tier=tier)], BEGAN)
    spent = book.of_hub(BEGAN + HOUR)
    assert not spent.usd and len(spent.unknown) == 1 and str(spent) == "price unknown"


def test_runs_follow_users_who_swap_their_names():
    book = ledger()
    book.see("r", [machine()], BEGAN + 1)
    book.see_volumes("r", [volume()], BEGAN + 1)
    book.name(Key("i-1", BEGAN), Who("alice", user_key="1"))
    book.name(Key("vol-1", BEGAN), Who("bob", user_key="2"))
    now = BEGAN + HOUR
    before = book.of_user("alice", now), book.of_user("bob", now)
    book.rename({"1": "bob", "2": "alice"})
    assert (book.of_user("bob", now), book.of_user("alice", now)) == before
    book.rename({"2": "carol"})  # 1 is there no more
    assert (book.of_user("bob", now), book.of_user("carol", now)) == before


def test_a_disk_of_an_unknown_kind_is_not_nothing():
    book = ledger()
    book.see_volumes("r", [volume(type="io2")], BEGAN + 10)
    assert book.of_hub(BEGAN + HOUR).unknown == {"io2"}


def test_what_was_spent_is_known_by_whose_it_is():
    book = ledger()
    book.see("r", [machine()], BEGAN + 1)
    book.see_volumes("r", [volume()], BEGAN + 1)
    book.name(Key("i-1", BEGAN), Who("alice", "lab", "", ("hydro",)))
    book.name(Key("vol-1", BEGAN), Who("bob"))
    now = BEGAN + HOUR
    assert book.of_user("alice", now) == book.of_group("hydro", now)
    assert book.of_server("alice", "lab", now) == Spent(machines=0.02)
    assert book.of_server("alice", "", now) == Spent()
    assert book.of_user("alice", now) + book.of_user("bob", now) == book.of_hub(now)
    assert book.users() == {"alice", "bob"}


def test_a_run_over_the_end_of_a_month_is_in_both():
    november, december = bounds("2026-11"), bounds("2026-12")
    began = int(november[1]) - HOUR
    run = Run("i-1", began, Kind.MACHINE, ended=began + 3 * HOUR, usd=1.0)
    assert total([run], 0, *november).usd == pytest.approx(1.0)
    assert total([run], 0, *december).usd == pytest.approx(2.0)
    assert month_of(began) == "2026-11" and november[1] == december[0]


@pytest.mark.parametrize("month", ["2026", "november", "2026-13", "2026-11-01"])
def test_what_is_no_month_is_refused(month):
    with pytest.raises(ValueError):
        bounds(month)


# -- what the database says ------------------------------------------------------------


def test_what_the_database_knows_is_not_new():
    book = ledger()
    book.see("r", [STOPPED[1]], BEGAN + 1000)
    (mine,) = book.runs.values()
    theirs = replace(mine, usd=0.01, who=Who("alice"))
    book.confirm([mine.key], [theirs], BEGAN)
    assert list(book.runs.values()) == [theirs] and not book.unsaved()


def test_the_end_of_a_run_that_the_database_has_is_news_and_its_price_is_not():
    book = ledger()
    book.see("r", [STOPPED[1]], BEGAN + 1000)
    (mine,) = book.runs.values()
    theirs = replace(mine, ended=None, exact=False, usd=0.01, who=Who("alice"))
    book.confirm([mine.key], [theirs], BEGAN)
    assert book.unsaved() == [replace(theirs, ended=BEGAN + 500, exact=True)]


def test_what_began_anew_while_nobody_looked_has_ended_before():
    book = ledger()
    book.see("r", AGAIN, BEGAN + 1000)
    known = Run("i-1", BEGAN, Kind.MACHINE, region="r", seen=BEGAN + 10)
    book.restore([known], {}, {"r": BEGAN + 300})
    assert ends(book) == {BEGAN: BEGAN + 300, BEGAN + 900: None}
    assert [run.began for run in book.unsaved()] == [BEGAN]


def test_that_a_run_goes_on_is_nothing_to_write():
    book = ledger()
    book.see("r", RAN, BEGAN + 1)
    book.confirm(list(book.fresh), [], 0)
    book.saved(book.unsaved())
    for at in range(10):
        book.see("r", [RAN[1]], BEGAN + 100 * at, complete=True)
    assert not book.unsaved()


def test_sums_of_what_is_not_in_memory_count_for_all_time_and_not_for_a_month():
    book = ledger()
    older = {Who("alice", groups=("hydro",)): Spent(machines=5.0)}
    book.restore([], older)
    for spent in (book.of_user("alice", BEGAN), book.of_group("hydro", BEGAN)):
        assert spent == Spent(machines=5.0)
    assert book.of_user("alice", BEGAN, month_of(BEGAN)) == Spent()
    assert book.of_user("bob", BEGAN) == Spent()


def test_a_stopped_machine_of_another_month_does_not_count_twice():
    book = ledger()
    run = Run("i-1", BEGAN, Kind.MACHINE, ended=BEGAN + HOUR, exact=True, usd=1.0)
    book.restore([], {Who(): Spent(machines=1.0)})
    book.see("", [machine("stopped", ended_at=BEGAN + HOUR)], BEGAN + 999 * HOUR)
    book.confirm([run.key], [run], BEGAN + 2 * HOUR)
    assert book.of_hub(BEGAN + 999 * HOUR).usd == pytest.approx(1.0)


def test_words():
    assert str(Spent(0.3, 0.15)) == "0.45 USD"
    assert str(Spent(0.45, 0, frozenset({"x"}))) == "at least 0.45 USD"
    assert str(Spent(unknown=frozenset({"x"}))) == "price unknown"
    assert str(Spent()) == "0 USD"


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_in_whatever_order_the_last_word_of_ec2_holds(seed):
    chance = random.Random(seed)
    runs, at = {}, BEGAN
    rows = []
    for _ in range(4):
        began, at = at, at + chance.randint(60, 5000)
        runs[began] = at
        rows += [
            (began + 5, machine("running", began=began)),
            (at + 1, machine("stopped", began=began, ended_at=at)),
        ]
        at += chance.randint(60, 5000)
    book = ledger()
    for at, (moment, row) in enumerate(rows):
        past = rows[: at + 1]
        for _ in range(chance.randint(1, 3)):
            book.see("r", [row], moment, complete=True)
            if chance.random() < 0.3:  # a listing that is old
                book.see("r", [chance.choice(past)[1]], moment)
    assert {b: e for b, e in ends(book).items()} == runs
