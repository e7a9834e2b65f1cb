"""The ledger's tables: what is written is read again, once, and sums are the same."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from ec2spawner.costs.runs import Key, Kind, Run, Who
from ec2spawner.costs.spent import NOTHING, total
from ec2spawner.costs.store import Store
from ec2spawner.hub.database.own import own_engine

BEGAN = 1_800_000_000


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture
def store(url):
    engine = own_engine(url, {})
    made = Store(engine, "hub")
    made.make()
    yield made
    engine.dispose()


def some_runs(seed, count=200):
    chance = random.Random(seed)
    for number in range(count):
        kind = chance.choice(list(Kind))
        began = BEGAN + chance.randint(0, 100_000)
        yield Run(
            f"x-{number}",
            began,
            kind,
            chance.choice(["t3.small", "gp3"]),
            size=chance.choice([0, 8, 100]),
            ended=chance.choice([None, began + chance.choice([5, 60, 9999])]),
            exact=chance.random() < 0.5,
            usd=chance.choice([None, 0.02, 0.5]),
            who=Who(
                chance.choice(["alice", "bøb", ""]),
                groups=chance.choice([(), ("a", "b")]),
            ),
        )


def test_what_is_written_is_read_again(store):
    runs = list(some_runs(1))
    store.save(runs, {"r": 5})
    store.save(runs, {"r": 7})
    loaded = store.load(0)
    assert set(loaded.runs) == set(runs) and len(loaded.runs) == len(runs)
    assert loaded.seen == {"r": 7} and not loaded.older


def test_a_run_is_one_row_whatever_becomes_of_it(store):
    first = Run("i-1", BEGAN, Kind.MACHINE)
    last = Run("i-1", BEGAN, Kind.MACHINE, ended=BEGAN + 9, usd=1.0)
    for run in (first, last, last):
        store.save([run], {})
    assert store.load(0).runs == (last,)
    assert store.find([first.key, Key("i-2", BEGAN)]) == [last]
    assert store.find([Key("i-1", BEGAN + 1)]) == []


def test_thousands_of_runs_are_a_few_statements(store):
    """A Hub that restarts among so many machines has other things to do."""
    statements = []
    event.listen(
        store._engine, "before_cursor_execute", lambda *sent: statements.append(sent[2])
    )
    runs = [Run(f"i-{n}", BEGAN, Kind.MACHINE) for n in range(2000)]
    changed = [replace(run, ended=BEGAN + 9) for run in runs[:1000]]
    store.save(runs, {"r": 5})
    store.save([*changed, *runs[1000:], changed[0]], {"r": 6})
    assert len(statements) <= 2 * (5 + 4)
    loaded = store.load(0)
    assert len(loaded.runs) == 2000 and set(loaded.runs) == {*changed, *runs[1000:]}


@pytest.mark.parametrize("seed", range(5))
def test_what_is_summed_up_by_the_database_is_the_same_as_here(store, seed):
    runs = list(some_runs(seed))
    store.save(runs, {})
    since = BEGAN + 50_000
    loaded = store.load(since)
    old = [run for run in runs if run.ended is not None and run.ended < since]
    assert len(old) + len(loaded.runs) == len(runs)
    for user in ("alice", "bøb", ""):
        wanted = total([run for run in old if run.who.user == user], 0)
        mine = [spent for who, spent in loaded.older.items() if who.user == user]
        found = sum(mine, NOTHING)
        assert found.machines == pytest.approx(wanted.machines)
        assert found.storage == pytest.approx(wanted.storage)
        assert found.unknown == wanted.unknown


def test_two_hubs_may_share_a_ledger(store, url):
    other = Store(own_engine(url, {}), "other")
    run = Run("i-1", BEGAN, Kind.MACHINE)
    store.save([run], {"r": 1})
    other.save([run], {"r": 2})
    assert store.load(0).seen == {"r": 1} and other.load(0).seen == {"r": 2}


def test_costs_follow_users_who_swap_their_names(store):
    runs = [
        Run(
            "i-1", BEGAN, Kind.MACHINE, ended=BEGAN + 9, who=Who("alice", user_key="1")
        ),
        Run("i-2", BEGAN, Kind.MACHINE, who=Who("bob", user_key="2")),
        Run("i-3", BEGAN, Kind.MACHINE, who=Who("bob")),  # of a bob nobody knows
    ]
    store.save(runs, {})
    assert not store.rename({"1": "alice", "2": "bob", "3": "carol"})
    assert store.rename({"1": "bob", "2": "alice"})
    names = {run.id: run.who.user for run in store.load(0).runs}
    assert names == {"i-1": "bob", "i-2": "alice", "i-3": "bob"}
    # Whoever is not there any more keeps the name.
    assert not store.rename({"2": "alice"})


def test_a_ledger_of_an_older_version_gets_the_columns_that_it_lacks(store, url):
    run = Run("i-1", BEGAN, Kind.MACHINE, who=Who("alice"))
    store.save([run], {})
    engine = own_engine(url, {})
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE ec2spawner_runs DROP COLUMN user_key"))
    newer = Store(engine, "hub")
    newer.make()
    keyed = replace(run, id="i-2", who=Who("bob", user_key="2"))
    newer.save([keyed], {})
    assert set(newer.load(0).runs) == {run, keyed}
    engine.dispose()


def test_a_database_without_a_ledger_has_none(tmp_path):
    empty = Store(own_engine(f"sqlite:///{tmp_path / 'new.sqlite'}", {}), "hub")
    assert empty.load(0).runs == ()


def test_a_ledger_in_memory_lives_as_long_as_its_process():
    store = Store(own_engine("sqlite:///:memory:", {}), "hub")
    store.make()
    run = Run("i-1", BEGAN, Kind.MACHINE)
    store.save([run], {})
    assert store.load(0).runs == (run,)


def test_all_are_written_or_none(store):
    good = Run("i-1", BEGAN, Kind.MACHINE)
    bad = Run("i-2", BEGAN, Kind.MACHINE, type=object())  # type: ignore[arg-type]
    with pytest.raises(SQLAlchemyError):
        store.save([good, bad], {})
    assert store.load(0).runs == ()


def test_a_database_that_cannot_be_had_says_so(tmp_path):
    url = f"sqlite:///{tmp_path / 'no' / 'such.sqlite'}"
    store = Store(own_engine(url, {}), "hub")
    with pytest.raises(SQLAlchemyError):
        store.make()


def test_others_find_the_tables_by_their_names(store, url):
    engine = create_engine(url)
    with engine.connect() as connection:
        names = engine.dialect.get_table_names(connection)
    assert names == ["ec2spawner_ledger", "ec2spawner_runs"]
    engine.dispose()
