"""One pass of the running Hub's sweep: what it asks in which order, what it renews."""

import logging
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from jupyterhub import orm
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from ec2spawner.core.saved_state import to_dict
from ec2spawner.core.state import Launch, Phase, ServerState
from ec2spawner.ec2.inventory import Listing
from ec2spawner.ec2.machines import Machine
from ec2spawner.hub.database.name import name_database
from ec2spawner.hub.sweep import FleetSweep

LOG = logging.getLogger("test")
LEASE = 1000.0


class Fleet:
    """As much of a fleet as a sweep asks for, and in which order it does."""

    hub_id, region, log, homes = "h", "us-west-2", LOG, None
    complete = True

    def __init__(self):
        self.machines = {}
        self.events = []
        self.tagged = []
        self.ended = []
        self.inventory = self.moves = self
        self.clients = SimpleNamespace(reading=self, killing=self, launching=self)

    def has(self, id, launch, **tags):
        tags.setdefault("hub_id", self.hub_id)
        self.machines[id] = Machine(
            id, "running", launch_id=launch, launched_at=time.time(), **tags
        )

    def book_volumes(self, resources):
        self.booked = list(resources)

    def book_archives(self, snapshots):
        self.kept = list(snapshots)

    async def newer_than(self, moment, timeout):
        self.events.append("machines")
        # Older ones prove nothing about what the database says now.
        assert moment >= self.began
        return Listing(time.monotonic(), self.machines, self.complete)

    async def sweep(self):
        """Homes that move are not of interest here."""

    def terminate_later(self, doomed):
        self.ended.append(doomed.instance_id)

    async def run(self, action, work, resources=1):
        self.events.append(action)
        return work(SimpleNamespace(ec2=self))

    def get_paginator(self, name):
        return SimpleNamespace(paginate=lambda **asked: [])

    def describe_addresses(self, **asked):
        return {"Addresses": []}

    def create_tags(self, Resources, Tags):
        self.tagged += Resources


class Database:
    """The Hub's session, which tells when it is asked."""

    def __init__(self, session, events):
        self.session, self.events = session, events
        self.bind = session.bind

    def connection(self):
        return self.session.connection()

    def execute(self, *asked):
        self.events.append("database")
        return self.session.execute(*asked)


@pytest.fixture
def fleet():
    return Fleet()


@pytest.fixture
def alice():
    """A session in which alice's server has machine i-1 of launch l-1."""
    engine = create_engine("sqlite://")
    orm.Base.metadata.create_all(engine)
    with Session(engine) as session:
        state = to_dict(
            ServerState(launch=Launch("l-1", "l-1", Phase.READY, instance_id="i-1"))
        )
        user = orm.User(name="alice")
        session.add(orm.Spawner(name="", state=state, user=user))
        session.commit()
        yield session


async def sweep(fleet, session):
    fleet.began = time.monotonic()
    await FleetSweep(fleet, 0.0, LEASE).once(Database(session, fleet.events))


async def test_all_of_ec2_is_listed_before_the_database_is_read(fleet, alice):
    """A launch that is new meanwhile cannot look as if it had no server then."""
    fleet.has("i-1", "l-1")
    await sweep(fleet, alice)
    read = fleet.events.index("database")
    assert fleet.events[:read] == [
        "machines",
        "DescribeVolumes",
        "DescribeNetworkInterfaces",
        "DescribeAddresses",
        "DescribeSnapshots",
    ]


async def test_the_second_machine_of_a_launch_is_ended_and_gets_no_lease(fleet, alice):
    fleet.has("i-1", "l-1")
    fleet.has("i-2", "l-1")
    fleet.has("i-3", "lost")
    await sweep(fleet, alice)
    assert fleet.tagged == ["i-1"]
    assert fleet.ended == ["i-2", "i-3"]


async def test_a_machine_keeps_its_server_and_lease_without_its_launch_tag(
    fleet, alice, caplog
):
    fleet.has("i-1", "")
    await sweep(fleet, alice)
    assert fleet.tagged == ["i-1"] and not fleet.ended
    assert "i-1" in caplog.text


async def test_one_without_the_hubs_tag_fails_no_renewal_and_is_not_ended(fleet, alice):
    """What is not allowed for one of them would fail the call for all."""
    fleet.has("i-1", "l-1", hub_id="")
    fleet.has("i-2", "lost", hub_id="somebody-elses")
    await sweep(fleet, alice)
    assert not (fleet.tagged or fleet.ended)


async def test_a_disrupted_zone_proves_nothing(fleet, alice):
    fleet.has("i-2", "lost")
    fleet.complete = False
    await sweep(fleet, alice)
    assert not fleet.ended and fleet.events == ["machines"]


async def test_another_hub_with_this_hubs_id_is_noticed_once_and_spared(
    fleet, alice, caplog
):
    name_database(alice)
    until = time.time() + 100
    fleet.has("i-2", "theirs", database="another", lease_until=until)
    fleet.began = time.monotonic()
    sweeping = FleetSweep(fleet, 0.0, LEASE)
    for _ in range(3):
        await sweeping.once(alice)
    said = [r for r in caplog.records if "hub_id" in r.getMessage()]
    assert len(said) == 1 and "i-2" in said[0].getMessage()
    assert not fleet.ended
    fleet.has("i-2", "theirs", database="another", lease_until=time.time() - 1)
    fleet.machines["i-2"] = replace(fleet.machines["i-2"], launched_at=time.time() + 9)
    await sweeping.once(alice)
    assert fleet.ended == ["i-2"]


async def test_a_builder_of_an_image_is_spared_while_its_lease_holds(fleet, alice):
    fleet.has("i-1", "l-1")
    tags = {"ec2spawner:build": "key"}
    fleet.has("i-works", "", lease_until=time.time() + LEASE, tags=tags)
    fleet.has("i-late", "", lease_until=time.time() - 1, tags=tags)
    await sweep(fleet, alice)
    assert fleet.ended == ["i-late"]
    assert "i-works" not in fleet.tagged
