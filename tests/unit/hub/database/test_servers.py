"""The servers of one user, read from the Hub's database."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from jupyterhub import orm

from ec2spawner.core.saved_state import to_dict
from ec2spawner.core.state import Launch, Phase, ServerState
from ec2spawner.hub.database.servers import read_servers

WHEN = datetime(2026, 11, 27, 12, 0)


@pytest.fixture
def db():
    session = orm.new_session_factory("sqlite:///:memory:")()
    yield session
    session.close()


def test_a_user_has_servers_by_name_with_times_in_utc_and_what_is_saved(db):
    alice, bob = orm.User(name="alice"), orm.User(name="bob")
    saved = to_dict(ServerState(launch=Launch("s", "l", Phase.READY)))
    db.add_all(
        [
            orm.Spawner(user=alice, name="gpu", state={"version": "no such"}),
            orm.Spawner(
                user=alice, name="", state=saved, started=WHEN, last_activity=WHEN
            ),
            orm.Spawner(user=bob, name="his", state=saved),
        ]
    )
    db.commit()
    default, gpu = read_servers(db, "alice")
    assert default.name == "" and not default.serves
    assert default.state.current.id == "l"
    assert default.started == WHEN.replace(tzinfo=timezone.utc).timestamp()
    assert gpu.name == "gpu" and gpu.last_activity == 0.0
    assert gpu.state is None, "it cannot be read"
    assert [row.name for row in read_servers(db, "bob")] == ["his"]


def test_nobody_is_another_thing_than_somebody_without_a_server(db):
    db.add(orm.User(name="alice"))
    db.commit()
    assert read_servers(db, "alice") == ()
    assert read_servers(db, "bob") is None
