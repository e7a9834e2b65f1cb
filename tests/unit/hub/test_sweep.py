"""One pass of the running Hub's sweep: what it asks in which order, what it renews."""

import logging
import time
from types import SimpleNamespace

import pytest
from jupyterhub import orm
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from ec2spawner.core.saved_state import to_dict
from ec2spawner.core.state import Launch, Phase, ServerState
from ec2spawner.ec2.inventory import Listing
from ec2spawner.ec2.machines import Machine
from ec2spawner.hub.sweep import FleetSweep

LOG = logging.getLogger("test")
LEASE = 1000.0


class Fleet:
    """As much of a fleet as a sweep asks for, and in which order it does."""

    hub_id, log, homes = "h", LOG, None

    def __init__(self):
        self.machines = {}
        self.events = []
        self.tagged = []
        self.ended = []
        self.inventory = self.moves = self
        self.clients = SimpleNamespace(reading=self, killing=self, launching=self)

    def has(self, id, launch):
        self.machines[id] = Machine(
            id, "running", launch_id=launch, launched_at=time.time()
        )

    async def newer_than(self, moment, timeout):
        self.events.append("machines")
        # Older ones prove nothing about what the database says now.
        assert moment >= self.began
        return Listing(time.monotonic(), self.machines)

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
