"""What ``ec2spawner ls`` says of a machine, and how it is shown."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ec2spawner.admin.collect import Region, Survey
from ec2spawner.admin.database import DatabaseError, read_database
from ec2spawner.admin.explain import leftovers, rows, why
from ec2spawner.admin.hub_config import Hub
from ec2spawner.admin.ls.homes import home_rows
from ec2spawner.admin.table import duration
from ec2spawner.core.ids import owner_id, server_id
from ec2spawner.core.state import Phase
from ec2spawner.core.tags import HOME_TAG, read_lease
from ec2spawner.ec2.clients import Account
from ec2spawner.ec2.machines import Machine
from ec2spawner.ec2.resources import Resource, ResourceKind
from ec2spawner.ec2.snapshots import Snapshot
from ec2spawner.hub.database.records import HomeUse, Record, Records

LEASE = 1000.0
UNTIL = read_lease("2026-11-22T17:00:00Z")
RECORDS = Records(
    launches={
        "l-ready": Record("alice", "", "l-ready", "i-1", Phase.READY),
        "l-new": Record("bob", "", "l-new", "", Phase.REQUESTED),
    },
    doomed={"l-dead": Record("carol", "", "l-dead")},
    servers=(("alice", ""), ("bob", ""), ("carol", ""), ("dan", "big")),
    since=100.0,
    database="ours",
)


def machine(launch, id="i-1", launched_at=200.0, **more):
    return Machine(
        id,
        more.pop("state", "running"),
        launch_id=launch,
        launched_at=launched_at,
        **more,
    )


POOL = {"ec2spawner:ready": "kind"}
BUILDER = {"ec2spawner:build": "key", "ec2spawner:image": "hydro"}


@pytest.mark.parametrize(
    "found, told",
    [
        (
            machine("", id="i-9", lease_until=UNTIL, tags=BUILDER),
            "builds image hydro; swept after 2026-11-22T17:00:00Z",
        ),
        (
            machine("l-pool", id="i-9", lease_until=UNTIL, tags=POOL),
            "ready, nobody's; swept after 2026-11-22T17:00:00Z",
        ),
        (machine("l-ready", tags=POOL), "its server is ready"),
        (machine("l-ready"), "its server is ready"),
        (machine("l-new", id="i-2"), "its server is starting"),
        (machine("", id="i-1"), "its server is ready"),
        (machine("l-ready", state="stopped"), "its server will want it again"),
        (machine("l-ready", state="shutting-down"), "it is ending"),
        (machine("l-ready", id="i-other"), "no server: ended by the Hub's sweep"),
        (machine("l-dead", id="i-9"), "the Hub tries it until EC2 confirms it"),
        (machine("lost", id="i-9"), "no server: ended by the Hub's sweep"),
        (machine("lost", id="i-9", lease_until=UNTIL), "after 2026-11-22T17:00:00Z"),
        (machine("lost", id="i-9", launched_at=50.0), "older than the database"),
        (
            machine("lost", id="i-9", database="theirs", lease_until=UNTIL),
            "another Hub has this hub_id",
        ),
        (machine("lost", id="i-9", kept=True), "a person keeps it"),
    ],
)
def test_a_machine_has_a_reason(found, told):
    assert told in why(found, RECORDS, LEASE)


def test_without_a_database_nothing_is_claimed_to_be_known():
    assert why(machine("l-ready"), None, LEASE).startswith("unknown:")


def test_an_owner_is_known_by_launch_by_server_id_or_only_by_what_a_tag_says():
    hub = Hub("h", (), "", {}, Path("c.py"), LEASE, ("person",))
    machines = (
        machine("l-ready"),
        machine("lost", id="i-2", server_id=server_id("h", "dan", "big")),
        machine("lost", id="i-3", server_id="of nobody", tags={"person": "eve"}),
        machine("gone", id="i-4", state="terminated"),
        machine("", id="i-5", owner_id=owner_id("h", "bob"), tags=BUILDER),
    )
    regions = (Region(Account("us-west-2"), machines),)
    owners = {r.id: (r.owner, r.server) for r in rows(hub, Survey(regions, RECORDS))}
    assert owners == {
        "i-1": ("alice", ""),
        "i-2": ("dan", "big"),
        "i-3": (None, None),
        # Who has asked for an image.
        "i-5": ("bob", None),
    }
    shown = {r.id: r.cells(300.0)[2:4] for r in rows(hub, Survey(regions, None))}
    assert shown["i-3"] == ["eve?", "?"]
    assert shown["i-1"] == ["?", "?"]


def test_a_machine_that_lost_its_tags_is_its_servers_and_says_so():
    hub = Hub("h", (), "", {}, Path("c.py"), LEASE, ())
    dead = {"l-dead": Record("carol", "", "l-dead", "i-3")}
    new = {"l-new": Record("bob", "", "l-new", "i-2", Phase.READY)}
    records = replace(RECORDS, launches={**RECORDS.launches, **new}, doomed=dead)
    machines = (
        machine("l-ready", hub_id="h"),
        machine("", id="i-2"),
        machine("l-dead", id="i-3", hub_id="somebody's"),
        machine("", id="i-4", state="terminated"),
    )
    regions = (Region(Account("us-west-2"), machines),)
    told = {r.owner: r.why for r in rows(hub, Survey(regions, records))}
    gone = "somebody has changed or removed its ec2spawner:hub"
    assert told == {
        "alice": "its server is ready",
        "bob": f"its server is ready; {gone}, ec2spawner:launch",
        "carol": f"to be ended: the Hub tries it until EC2 confirms it; {gone}",
    }


def test_of_a_machine_that_is_silent_is_said_when_it_was_last_heard():
    hub = Hub("h", (), "", {}, Path("c.py"), LEASE, ())
    silent = replace(RECORDS.launches["l-ready"], silent_since=UNTIL)
    launches = {**RECORDS.launches, "l-ready": silent}
    machines = (machine("l-ready", hub_id="h"), machine("l-new", id="i-2", hub_id="h"))
    regions = (Region(Account("us-west-2"), machines),)
    seen = Survey(regions, replace(RECORDS, launches=launches))
    shown = {
        row.owner: (row.why, row.to_dict()["last_heard"]) for row in rows(hub, seen)
    }
    heard = "2026-11-22T17:00:00Z"
    assert shown == {
        "alice": (
            f"its server is ready, but its agent was last heard at {heard}",
            heard,
        ),
        "bob": ("its server is starting", None),
    }


def test_every_home_has_an_owner_and_a_fate():
    def home(id, tag, **more):
        tags = {HOME_TAG: tag, "person": "eve"}
        state = more.pop("state", "available")
        return Resource(
            id, ResourceKind.VOLUME, state, home=True, tags=tags, size=3, **more
        )

    hub = Hub("h", (), "", {}, Path("c.py"), LEASE, ("person",))
    dans = owner_id("h", "dan")
    resources = (
        home("vol-1", "stale", state="in-use", used_by="i-1"),
        home("vol-2", dans),
        home("vol-3", "lost"),
        home("vol-4", "lost", discarded=True),
        home("vol-5", "lost", archived=True),
        home("vol-6", "lost", state="deleting"),
        Resource("vol-7", ResourceKind.VOLUME, "available"),
    )
    kept = Snapshot(
        "snap-1",
        "completed",
        "vol-0",
        size=3,
        began=1.0,
        owner=dans,
        archive_of="vol-0",
    )
    uses = (HomeUse("alice", "two", "user"), HomeUse("alice", "", "user"))
    records = replace(RECORDS, homes={"vol-1": uses})
    regions = (Region(Account("us-west-2"), resources=resources, archives=(kept,)),)
    shown = {r.id: r.cells() for r in home_rows(hub, Survey(regions, records))}
    assert {id: (c[2], c[3], c[6], c[7]) for id, c in shown.items()} == {
        "vol-1": ("alice", "(default), two", "i-1", "its owner's home"),
        "vol-2": (
            "dan",
            "-",
            "-",
            "its owner's home, by its tag: found at the next start",
        ),
        "vol-3": (
            "eve?",
            "-",
            "-",
            "nobody's in the database: stays until a person deletes it",
        ),
        "vol-4": (
            "eve?",
            "-",
            "-",
            "discarded: deleted by the Hub's sweep once nothing uses it",
        ),
        "vol-5": (
            "eve?",
            "-",
            "-",
            "given up: the Hub's sweep makes a snapshot and then deletes it",
        ),
        "snap-1": ("dan", "-", "-", "kept of vol-0, until a person deletes it"),
    }
    blind = {r.id: r.cells() for r in home_rows(hub, Survey(regions, None))}
    assert blind["vol-1"][2:4] == ["eve?", "?"]
    assert blind["vol-1"][7].startswith("unknown:")
    assert blind["snap-1"][2] == f"{dans}?"


@pytest.mark.parametrize(
    "tags, told",
    [
        ({HOME_TAG: "o", "ec2spawner:move": "m"}, "on its way to another zone"),
        (
            {
                HOME_TAG: "o",
                "ec2spawner:move": "m",
                "ec2spawner:moved-to": "vol-2 m",
            },
            "has moved to vol-2",
        ),
        (
            # Somebody had it again, before it had moved.
            {HOME_TAG: "o", "ec2spawner:moved-to": "vol-2 m"},
            "nobody's in the database",
        ),
        (
            {"ec2spawner:move": "m", "ec2spawner:moved-from": "vol-0"},
            "a copy of vol-0",
        ),
    ],
)
def test_homes_on_the_move_say_so(tags, told):
    hub = Hub("h", (), "", {}, Path("c.py"), LEASE, ())
    resource = Resource("vol-1", ResourceKind.VOLUME, "available", home=True, tags=tags)
    regions = (Region(Account("us-west-2"), resources=(resource,)),)
    (row,) = home_rows(hub, Survey(regions, RECORDS))
    assert told in row.why


def test_left_over_is_what_nothing_uses_and_what_is_no_home():
    def volume(id, **more):
        return Resource(id, ResourceKind.VOLUME, more.pop("state", "available"), **more)

    resources = (
        volume("vol-1"),
        volume("vol-2", state="in-use", used_by="i-1"),
        volume("vol-3", state="deleting"),
        volume("vol-4", home=True),
        volume("vol-5", home=True, discarded=True),
        volume("vol-6", home=True, archived=True),
        Resource("eni-1", ResourceKind.INTERFACE, "available"),
        Resource("eni-2", ResourceKind.INTERFACE, "in-use", used_by="i-1"),
    )
    hub = Hub("h", (), "", {}, Path("c.py"), LEASE, ())
    regions = (Region(Account("us-west-2"), resources=resources),)
    shown = [cells[0] for cells in leftovers(hub, Survey(regions, RECORDS))]
    assert shown == ["vol-1", "vol-5", "vol-6", "eni-1"]


@pytest.mark.parametrize(
    "seconds, text",
    [
        (-1, "0 s"),
        (59.4, "59 s"),
        (90, "1.5 min"),
        (3000, "50 min"),
        (5400, "1.5 h"),
        (100000, "1.2 d"),
    ],
)
def test_times_are_short(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize("content", [None, b"", b"this is no database"])
def test_a_database_that_is_not_there_or_not_the_hubs_is_an_error_and_is_not_made(
    tmp_path, content
):
    path = tmp_path / "jupyterhub.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatabaseError):
        read_database(f"sqlite:///{path}", {})
    assert path.exists() == (content is not None)
    assert not content or path.read_bytes() == content


def test_a_password_in_the_url_of_the_database_is_not_shown():
    url = "sqlite+nothing://hub:secret@host/db"
    with pytest.raises(DatabaseError) as caught:
        read_database(url, {})
    assert "secret" not in str(caught.value)


def test_without_the_databases_driver_it_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(DatabaseError, match="The database's driver is missing") as told:
        read_database("mysql+pymysql://hub:secret@db/hub", {})
    assert "pymysql" in str(told.value) and "secret" not in str(told.value)
