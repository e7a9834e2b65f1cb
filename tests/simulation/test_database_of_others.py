"""A database that another program keeps locked for a minute, or whose disk is full."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from .scenarios import SETTINGS
from .test_database import known_as_ours  # noqa: F401
from .virtual_database import FULL
from .virtual_world import saved

SECONDS = 60
USERS = ("alice", "bob", "carol")
MANY = ("dave", "erin", "frank", "grace", "heidi", "ivan")


@pytest.fixture(autouse=True)
def at_once():
    """SQLite waits five seconds of real time for a lock, at each try."""

    def connected(connection, record):
        connection.execute("PRAGMA busy_timeout = 0")

    event.listen(Engine, "connect", connected)
    yield
    event.remove(Engine, "connect", connected)


@pytest.fixture
def hub(hubs_with):
    """A hub in which alice works. Bob and carol have no server."""
    hub = hubs_with({**SETTINGS, "on_stop": "terminate"}, *USERS[1:])()
    start(hub, "alice")
    hub.pass_until(lambda: "alice" in hub.serving(), 120)
    return hub


def start(hub, user):
    return hub.call("POST", f"/users/{user}/server")


def is_off(hub, user):
    spawner = hub.spawners.get(user)
    return spawner is None or not (spawner.active or spawner.pending)


def known(hub):
    """The client tokens of the launches that the database has."""
    return {s.current.client_token for _, s in saved(hub).values() if s.launch}


@contextlib.contextmanager
def locked(hub):
    """By another program, which reads and writes it alone."""
    path = hub.folder / "jupyterhub.sqlite"
    before, asked = known(hub), []
    hub.observer = lambda what, sent: (
        asked.append(sent["ClientToken"]) if what == "RunInstances" else None
    )
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        hub.observer = None
        other.execute("ROLLBACK")
    assert {*asked} <= before, "a machine that the database does not know"


def goes_on(hub, *others):
    """Everything works again, for each of them, and nothing is left over."""
    users = (*USERS, *others)
    hub.pass_until(lambda: not any(s.pending for s in hub.spawners.values()), 300)
    for user in users:
        if user not in hub.serving():
            assert start(hub, user)[0] in (201, 202)
    hub.pass_until(lambda: hub.serving().keys() == {*users}, 300)
    machines = {i.id for i in hub.world.living(hub)}
    assert machines == {*hub.serving().values()}
    for user in users:
        assert hub.call("DELETE", f"/users/{user}/server")[0] in (202, 204)
    hub.pass_until(lambda: all(is_off(hub, user) for user in users), 300)
    hub.pass_until(lambda: not hub.world.living(hub), 120)
    assert not hub.world.disks.wrongs


def test_who_clicks_while_the_database_is_locked_gets_a_sentence_and_no_machine(hub):
    machine = hub.serving()["alice"]
    with locked(hub):
        for user in USERS[1:]:
            status, body = start(hub, user)
            # JupyterHub itself cannot look up who asks.
            assert status >= 400 and body["message"]
        hub.pass_time(SECONDS)
    assert len(hub.world.living(hub)) == 1
    assert hub.serving() == {"alice": machine}
    goes_on(hub)


@pytest.mark.parametrize(
    "seconds", [1.5, 4, *(pytest.param(s, marks=pytest.mark.slow) for s in (0.3, 7))]
)
def test_a_start_during_which_the_database_is_locked_ends_well_or_in_words(
    hub, seconds
):
    for user in USERS[1:]:
        assert start(hub, user)[0] in (201, 202)
        hub.pass_time(seconds / 2)
    with locked(hub):
        hub.pass_time(SECONDS)
    goes_on(hub)


def test_a_stop_while_the_database_is_locked_may_be_asked_for_again(hub):
    with locked(hub):
        status, body = hub.call("DELETE", "/users/alice/server")
        assert status >= 400 and body["message"]
        hub.pass_time(SECONDS)
    goes_on(hub)


def test_a_machine_that_ends_while_the_database_is_locked_is_noticed(hub):
    with locked(hub):
        hub.world.lose(hub.serving()["alice"])
        hub.pass_time(SECONDS)
    hub.pass_until(lambda: is_off(hub, "alice"), 120)
    goes_on(hub)


@pytest.mark.parametrize(
    "only_ours", [pytest.param(False, marks=pytest.mark.slow), True]
)
def test_a_start_while_the_disk_of_the_database_is_full_ends_well_or_in_words(
    hub, only_ours
):
    refused, told = [], []

    def failed(context):
        refused.append(str(context.original_exception))

    event.listen(Engine, "handle_error", failed)
    for user in MANY:
        hub.call("POST", f"/users/{user}")
    hub.only_ours = only_ours
    hub.refuse_writes(0, SECONDS, FULL)
    # Of one or two there may be room in the pages that it has.
    for user in (*USERS[1:], *MANY):
        told.append(start(hub, user))
    hub.pass_time(SECONDS)
    hub.observer = None
    event.remove(Engine, "handle_error", failed)
    failed_in = [body["message"] for status, body in told if status >= 500]
    said = ["cannot save anything just now"]
    if not only_ours:
        # What JupyterHub cannot save before it asks us, it tells in its own words;
        # for that there may be room in the pages that the database has.
        said.append("Internal Server Error")
    assert failed_in
    assert all(any(words in text for words in said) for text in failed_in), failed_in
    assert refused and {*refused} == {"database or disk is full"}
    goes_on(hub, *MANY)
