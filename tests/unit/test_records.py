"""What the database says of servers."""

from datetime import datetime

import pytest
from jupyterhub import orm
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from ec2spawner.hub.records import HomeUse, read_records


@pytest.fixture
def db():
    engine = create_engine("sqlite://")
    orm.Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session


def test_a_launch_and_a_rest_are_wanted_and_a_tombstone_is_not(db):
    user = orm.User(name="alice")
    grave = {"launch_id": "dead", "instance_id": "i-3"}
    for name, state in {
        "": {"launch_id": "new"},
        "two": {"resting": {"launch_id": "rests", "instance_id": "i-2"}},
        "three": {"tombstones": [grave], "phase": "of a newer version"},
        "four": None,
    }.items():
        db.add(orm.Spawner(name=name, state=state, user=user))
    db.commit()
    records = read_records(db)
    assert records.wanted == {"new": "", "rests": "i-2"}
    assert set(records.tombstones) == {"dead"}
    assert len(records.servers) == 4


def test_a_home_has_the_servers_that_use_it(db):
    alice, bob = orm.User(name="alice"), orm.User(name="bob")
    of_alice = {
        "home_id": "vol-1",
        "home_kind": "user",
        "home_region": "us-west-2",
    }
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
