"""What the database says of servers."""

from dataclasses import replace
from datetime import datetime

import pytest
from jupyterhub import orm
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from ec2spawner.core.saved_state import to_dict
from ec2spawner.core.state import (
    Doomed,
    HomeRef,
    Launch,
    Phase,
    ServerState,
    StoppedMachine,
    Wish,
)
from ec2spawner.hub.database.records import HomeUse, read_records


@pytest.fixture
def db():
    engine = create_engine("sqlite://")
    orm.Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session


STOPPED = StoppedMachine("stopped", "i-2")
DEAD = Doomed("dead", "i-3", "us-west-2")


@pytest.fixture
def saved(db):
    """Writes the rows of alice's servers, as the spawner saves them or as they are."""

    def save(**states):
        user = orm.User(name="alice")
        for name, state in states.items():
            if isinstance(state, ServerState):
                state = to_dict(state)
            db.add(orm.Spawner(name=name, state=state, user=user))
        db.commit()
        return read_records(db)

    return save


def test_a_launch_and_a_stopped_machine_are_wanted_and_a_doomed_one_is_not(saved):
    records = saved(
        new=ServerState(launch=Launch("new", "new", Phase.REQUESTED)),
        two=ServerState(stopped=STOPPED),
        three=ServerState(doomed=(DEAD,)),
        four=None,
    )
    assert records.wanted.launches == {"new": "", "stopped": "i-2"}
    assert set(records.doomed) == {"dead"}
    assert records.doomed["dead"].region == "us-west-2"
    assert len(records.servers) == 4


def test_a_launch_that_is_to_end_is_not_nobodys_until_ec2_confirms_it(saved):
    launch = Launch("one", "one", Phase.READY, Wish.END, instance_id="i-1")
    over = replace(launch, id="two", phase=Phase.OVER)
    records = saved(one=ServerState(launch=launch), two=ServerState(launch=over))
    assert records.wanted.launches == {"one": "i-1"}
    assert (records.launches["one"].phase, records.launches["one"].wish) == (
        Phase.READY,
        Wish.END,
    )


def test_while_a_machine_is_woken_its_launch_is_what_counts(saved):
    launch = Launch("new", "stopped", Phase.REQUESTED, instance_id="i-2")
    records = saved(one=ServerState(launch=launch, stopped=STOPPED))
    assert records.launches["stopped"].phase is Phase.REQUESTED


def test_what_an_older_version_has_saved_counts_as_well(saved):
    records = saved(
        one={"launch_id": "new", "phase": "requested", "version": 1},
        two={"resting": {"launch_id": "rests", "instance_id": "i-2"}, "version": 1},
        three={"tombstones": [{"launch_id": "dead", "instance_id": "i-3"}]},
    )
    assert records.wanted.launches == {"new": "", "rests": "i-2"}
    assert set(records.doomed) == {"dead"}


@pytest.mark.parametrize(
    "unreadable",
    [
        {
            "version": 2,
            "launch": {"id": "l-1", "instance_id": "i-1", "phase": "of the future"},
            "doomed": [{"launch_id": "l-2"}],
            "home": {"id": "vol-1"},
        },
        {
            "version": 1,
            "launch_id": "l-1",
            "instance_id": "i-1",
            "phase": "of the future",
            "resting": {"launch_id": "l-2"},
            "home_id": "vol-1",
        },
    ],
)
def test_of_a_row_that_cannot_be_read_every_id_is_wanted_and_the_home_is_its(
    saved, unreadable
):
    records = saved(good=ServerState(stopped=STOPPED), bad=unreadable)
    assert {"l-1", "l-2", "i-1"} <= set(records.wanted.launches)
    assert "i-1" in records.wanted and "vol-1" in records.wanted
    assert records.launches["l-1"].server == "bad"
    assert records.wanted.launches["stopped"] == "i-2"
    assert not records.doomed
    assert records.homes == {"vol-1": (HomeUse("alice", "bad"),)}


def test_a_home_has_the_servers_that_use_it(db):
    alice, bob = orm.User(name="alice"), orm.User(name="bob")
    of_alice = to_dict(ServerState(home=HomeRef("vol-1", "us-west-2", "user")))
    for user, name, state in (
        (alice, "", of_alice),
        (alice, "two", of_alice),
        (bob, "", {"home_id": "vol-2"}),
        (bob, "two", {}),
    ):
        db.add(orm.Spawner(name=name, state=state, user=user))
    db.commit()
    homes = read_records(db).homes
    assert homes["vol-1"] == (
        HomeUse("alice", "", "user", "us-west-2"),
        HomeUse("alice", "two", "user", "us-west-2"),
    )
    assert homes["vol-2"] == (HomeUse("bob", "", ""),)
    assert len(homes) == 2


def test_the_database_is_as_old_as_the_oldest_thing_that_it_tells_of(db):
    """The oldest user may have been deleted, and a leak is no older for that."""
    db.add(orm.User(name="new", created=datetime(2026, 11, 22)))
    db.add(orm.APIToken(hashed="h", prefix="p", created=datetime(2026, 11, 20)))
    db.commit()
    assert read_records(db).since == 1795132800.0
