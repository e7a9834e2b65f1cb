"""What a Hub does before it answers, with thousands of servers."""

from types import SimpleNamespace

import pytest
from jupyterhub import orm
from sqlalchemy import event

from ec2spawner.core.saved_state import to_dict
from ec2spawner.core.state import Doomed, Launch, ServerState
from ec2spawner.hub.startup import revoke_leftover_tokens, take_up_unfinished_ends

RUNS = to_dict(ServerState(launch=Launch("start", "start", token_id=1)))
ENDS = to_dict(ServerState(doomed=(Doomed("launch", "i-1"),)))


@pytest.fixture
def db():
    session = orm.new_session_factory("sqlite:///:memory:")()
    yield session
    session.close()
    session.get_bind().dispose()


def add(db, name, state, runs):
    server = orm.Server() if runs else None
    user = orm.User(name=name)
    db.add(orm.Spawner(user=user, name="", state=state, server=server))


class App:
    """As much of JupyterHub as looks at each server; who was loaded, and let go."""

    def __init__(self, db):
        self.db, self.users, self.loaded, self.let_go = db, self, [], []

    def __getitem__(self, user):
        def get_spawner(name):
            self.loaded.append(user.name)
            clear = lambda: self.let_go.append(user.name)  # noqa: E731
            return SimpleNamespace(clear_state=clear)

        return SimpleNamespace(get_spawner=get_spawner)


def test_only_what_is_unfinished_is_taken_up(db):
    add(db, "runs", RUNS, runs=True)
    add(db, "is off", {}, runs=False)
    add(db, "never was", None, runs=False)
    add(db, "runs, and ends another", ENDS, runs=True)
    add(db, "ends", ENDS, runs=False)
    add(db, "was being stopped", RUNS, runs=False)
    db.commit()
    app = App(db)
    take_up_unfinished_ends(app)
    wanted = ["runs, and ends another", "ends", "was being stopped"]
    assert sorted(app.loaded) == sorted(wanted)
    assert app.let_go == ["was being stopped"]


def test_what_a_hub_asks_its_database_does_not_grow_with_its_servers(db):
    """A row and what hangs on it, loaded one by one, took seconds of thousands."""
    asked = []

    def note(connection, cursor, statement, *more):
        asked.append(statement)

    def questions():
        asked.clear()
        db.expunge_all()
        take_up_unfinished_ends(App(db))
        revoke_leftover_tokens(App(db), None)
        return len(asked)

    event.listen(db.get_bind(), "before_cursor_execute", note)
    add(db, "first", RUNS, runs=True)
    db.commit()
    few = questions()
    for number in range(30):
        add(db, f"user-{number}", RUNS, runs=True)
    db.commit()
    assert questions() == few
