"""A token is known by its row, and SQLite gives the id of a deleted row again."""

import logging
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from jupyterhub import orm
from jupyterhub.utils import new_token

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.saved_state import to_dict
from ec2spawner.core.state import Launch, ServerInMemory, ServerState
from ec2spawner.fleet.runtime import HubRuntime
from ec2spawner.fleet.unsaved import NotSaved
from ec2spawner.server.context import ServerContext
from ec2spawner.server.tokens import (
    replace_token,
    revive_token,
    revocation_of_leftovers,
    revoke_token,
    token_in_memory,
    token_of,
)
from ec2spawner.settings import LaunchSettings


class Hub:
    """As much of a Hub as tokens need, for one of its users."""

    label = "alice"
    oauth_provider = None

    def __init__(self, db, user):
        self.db, self.user_row = db, user
        self.row = SimpleNamespace(oauth_client=None)
        self.api_token = ""
        self.refuses = False

    @contextmanager
    def writing(self):
        yield
        if self.refuses:
            self.db.rollback()
            raise NotSaved("attempt to write a readonly database")
        self.db.commit()


@pytest.fixture
def db():
    session = orm.new_session_factory("sqlite:///:memory:")()
    session.add(orm.OAuthClient(identifier="jupyterhub"))
    session.add_all([orm.User(name="alice"), orm.User(name="bob")])
    session.commit()
    yield session
    session.close()
    session.get_bind().dispose()


def user(db, name):
    return db.query(orm.User).filter_by(name=name).one()


@pytest.fixture
def hub(db):
    return Hub(db, user(db, "alice"))


@pytest.fixture
def context(hub):
    log = logging.getLogger("test")
    return ServerContext(LaunchSettings(), hub, HubRuntime(), log)


def make_token(db, name, token="", seconds=0.0):
    """The row of a new token, made that much later than now."""
    row = orm.APIToken(user=user(db, name), client_id="jupyterhub")
    row.token = token or new_token()
    db.add(row)
    db.commit()
    row.created += timedelta(seconds=seconds)
    db.commit()
    return row


@pytest.fixture
def launch(db, hub):
    """One whose token JupyterHub has made."""
    hub.api_token = new_token()
    make_token(db, "alice", hub.api_token)
    id, made = token_of(hub)
    launch = Launch("start", "start", token_id=id, token_made=made)
    assert token_in_memory(hub, launch, "digest")
    return launch


def delete(db, launch):
    db.delete(db.get(orm.APIToken, launch.token_id))
    db.commit()


@pytest.mark.parametrize("whose", ["alice", "bob"])
def test_a_token_that_has_the_id_of_one_of_ours_again_is_nobodys_business(
    db, hub, context, launch, whose
):
    delete(db, launch)
    other = make_token(db, whose, seconds=60)
    assert other.id == launch.token_id
    hashed = other.hashed
    revoke_token(context, launch)
    with pytest.raises(EC2SpawnError):
        replace_token(hub, launch)
    with pytest.raises(EC2SpawnError):
        revive_token(hub, launch, ServerInMemory("key", "pre", "hash", "digest"))
    assert token_in_memory(hub, launch, "digest") is None
    assert db.get(orm.APIToken, launch.token_id).hashed == hashed


async def test_what_the_database_refuses_to_revoke_is_revoked_later_if_it_is_still_that(
    db, hub, context, launch
):
    hub.refuses = True
    revoke_token(context, launch)
    later = context.runtime.unsaved._writes["token", launch.token_id]
    hub.refuses = False
    delete(db, launch)
    other = make_token(db, "bob", seconds=60)
    later()
    assert db.query(orm.APIToken).one() is other


def test_a_token_is_known_again_when_it_was_replaced(db, hub, context, launch):
    token = replace_token(hub, launch)
    assert orm.APIToken.find(db, token).id == launch.token_id
    revoke_token(context, launch)
    assert not db.query(orm.APIToken).count()


def test_a_token_of_a_launch_that_an_older_version_has_saved_is_revoked(
    db, context, launch
):
    revoke_token(context, Launch("start", "start", token_id=launch.token_id))
    assert not db.query(orm.APIToken).count()


def server_token(db, name, note="Server at /hub/user/{}/", expires_at=None):
    """As JupyterHub makes it for a start."""
    row = make_token(db, name)
    row.note, row.expires_at = note.format(name), expires_at
    db.commit()
    return row.id


def tokens(db):
    return {row.id for row in db.query(orm.APIToken)}


def test_when_a_hub_starts_tokens_that_no_launch_has_are_deleted_and_no_others(db):
    own = make_token(db, "alice").id  # she has made it herself
    lost, kept, later = server_token(db, "alice"), server_token(db, "bob"), 0
    state = to_dict(ServerState(launch=Launch("start", "start", token_id=kept)))
    db.add(orm.Spawner(user=user(db, "bob"), name="", state=state))
    db.commit()
    revoke = revocation_of_leftovers(db)
    later = server_token(db, "alice")  # the database refuses for a while
    revoke()
    db.commit()
    assert tokens(db) == {own, kept, later} and lost not in tokens(db)


TOMORROW = datetime.now() + timedelta(days=1)


@pytest.mark.parametrize(
    "noted",
    [
        {"note": "Server at home, for my backups"},
        {"note": "Server at /user/alicent/"},
        {"note": "Server at /user/{}/lab/and/more/"},
        {"expires_at": TOMORROW},
    ],
    ids=["words", "another's server", "no server", "it ends some day"],
)
def test_when_a_hub_starts_what_people_note_of_their_own_tokens_deletes_none(db, noted):
    own = server_token(db, "alice", **noted)
    named = server_token(db, "alice", "Server at /user/{}/lab/")
    revocation_of_leftovers(db)()
    db.commit()
    assert tokens(db) == {own} and named != own


@pytest.mark.parametrize(
    "state",
    [{"version": "?"}, to_dict(ServerState(launch=Launch("start", "start"))), None],
    ids=["cannot be read", "names no token", "another class's"],
)
def test_when_a_hub_starts_the_token_of_a_server_that_may_run_is_left_alone(db, state):
    kept = server_token(db, "alice")
    server = None if state else orm.Server()
    db.add(orm.Spawner(user=user(db, "alice"), name="", state=state, server=server))
    db.commit()
    revocation_of_leftovers(db)()
    db.commit()
    assert tokens(db) == {kept}
