"""``ec2spawner sweep``: what it asks, in which order, and what it ends after that."""

import pytest

from ec2spawner.admin import collect as survey_module
from ec2spawner.admin import sweep as sweep_module
from ec2spawner.admin.collect import survey
from ec2spawner.admin.hub_config import Hub
from ec2spawner.admin.lock import AlreadyLocked, only_one
from ec2spawner.admin.sweep import SweepApp
from ec2spawner.ec2.clients import Account
from ec2spawner.ec2.machines import Machine
from ec2spawner.hub.database.records import Record, Records

LONG_AGO = 200.0


class NoClients:
    """To make those of boto3 takes a while, and nothing is sent here."""

    reading = killing = None

    def __init__(self, account):
        pass

    def close(self):
        pass


class World:
    """What EC2 and the database say at each look, and what is ended after them."""

    def __init__(self, config_file):
        #: (machines, the launches that have a server), look by look
        self.looks = []
        self.events = []
        self.ended = []
        #: where the database says that the servers run
        self.region = "us-west-2"
        #: what EC2 knows by its id, and no listing by tags has
        self.untagged = {}
        accounts = (Account("us-west-2", "http://127.0.0.1:1"),)
        self.hub = Hub("h", accounts, "", {}, config_file, 1000.0)

    def shows(self, *machines, wanted=()):
        self.looks.append((machines, wanted))

    def sweep(self):
        """The exit code of the command."""
        app = SweepApp(look_again=0)
        app.hub = lambda: self.hub
        with pytest.raises(SystemExit) as ended:
            app.start()
        return ended.value.code

    # What the command asks of EC2 and of the database.

    async def machines(self, lane, hub_id):
        self.events.append("machines")
        return {machine.id: machine for machine in self.looks[0][0]}

    async def by_id(self, lane, ids):
        self.events.append(f"asked for {', '.join(ids)}")
        return {id: self.untagged[id] for id in ids if id in self.untagged}

    async def resources(self, lane, hub_id):
        self.events.append("resources")
        return []

    def database(self, url, options):
        self.events.append("database")
        wanted = self.looks.pop(0)[1]
        launches = {
            id: Record("alice", "", id, machine, region=self.region)
            for id, machine in wanted
        }
        return Records(launches, since=100.0)

    async def end(self, lane, ids):
        self.ended += ids
        return dict.fromkeys(ids, "shutting-down")


@pytest.fixture
def world(tmp_path, monkeypatch):
    config_file = tmp_path / "jupyterhub_config.py"
    config_file.touch()
    made = World(config_file)
    for module in (survey_module, sweep_module):
        monkeypatch.setattr(module, "Clients", NoClients)
    monkeypatch.setattr(survey_module, "list_machines", made.machines)
    monkeypatch.setattr(survey_module, "machines_by_id", made.by_id)
    monkeypatch.setattr(survey_module, "list_resources", made.resources)
    monkeypatch.setattr(survey_module, "read_database", made.database)
    monkeypatch.setattr(sweep_module, "terminate_machines", made.end)
    return made


def lost(id, **more):
    """A machine without a server, whose lease is over."""
    launch = f"l-{id}"
    return Machine(id, "running", launch_id=launch, launched_at=LONG_AGO, **more)


def test_what_two_looks_find_without_a_server_is_ended(world):
    world.shows(lost("i-1"))
    world.shows(lost("i-1"))
    assert world.sweep() == 0
    assert world.ended == ["i-1"]
    assert not world.looks


def test_what_is_first_seen_by_the_second_look_is_not_ended(world):
    world.shows(lost("i-1"))
    world.shows(lost("i-1"), lost("i-2"))
    world.sweep()
    assert world.ended == ["i-1"]


@pytest.mark.parametrize(
    "second",
    [
        {"machines": (lost("i-1", kept=True),)},
        {"machines": (lost("i-1", lease_until=9e9),)},
        {"machines": (lost("i-1"),), "wanted": (("l-i-1", "i-1"),)},
        {"machines": ()},
    ],
    ids=["kept by a person", "renewed", "owned by a server", "gone"],
)
def test_what_has_recovered_by_the_second_look_is_not_ended(world, second):
    world.shows(lost("i-1"), lost("i-2"))
    world.shows(*second["machines"], lost("i-2"), wanted=second.get("wanted", ()))
    assert world.sweep() == 0
    assert world.ended == ["i-2"]


def test_the_brake_holds_also_when_only_the_second_look_finds_too_many(world):
    many = [lost(f"i-{n}") for n in range(4)]
    world.shows(many[0])
    world.shows(*many)
    assert world.sweep() == 3
    assert not world.ended


async def test_ec2_is_listed_before_the_database_is_read(world):
    """A launch that is new meanwhile cannot look as if it had no server then."""
    world.shows()
    await survey(world.hub)
    assert world.events == ["machines", "resources", "database"]


async def test_the_database_is_read_again_after_a_region_that_only_it_names(world):
    world.region = "eu-west-1"
    for _ in "ab":
        world.shows(lost("i-1"), wanted=(("l-i-1", "i-1"),))
    seen = await survey(world.hub)
    assert [region.name for region in seen.regions] == ["us-west-2", "eu-west-1"]
    assert world.events == ["machines", "resources", "database"] * 2


async def test_what_no_listing_has_is_asked_for_by_its_id_where_the_database_has_it(
    world,
):
    """Two users; in another region than the first one's, too."""
    world.region = "eu-west-1"
    world.untagged["i-2"] = Machine("i-2", "running")
    for _ in "ab":
        world.shows(lost("i-1"), wanted=(("l-i-1", "i-1"), ("l-i-2", "i-2")))
    seen = await survey(world.hub)
    found = {r.name: [m.id for m in r.machines] for r in seen.regions}
    assert found == {"us-west-2": ["i-1"], "eu-west-1": ["i-1", "i-2"]}
    # After the database, which is what speaks of them.
    assert world.events[-2:] == ["database", "asked for i-2"]


def test_a_machine_of_a_server_without_any_tag_is_not_ended(world):
    world.untagged["i-1"] = Machine("i-1", "running", launched_at=LONG_AGO)
    for _ in "ab":
        world.shows(lost("i-2"), wanted=(("l-i-1", "i-1"),))
    assert world.sweep() == 0
    assert world.ended == ["i-2"]


def test_of_two_sweeps_at_once_on_this_computer_the_second_is_refused(world):
    file = world.hub.config_file
    with only_one(file):
        with pytest.raises(AlreadyLocked):
            with only_one(file):
                pass
        assert world.sweep() == 4
    assert not world.events
    with only_one(file):
        pass
