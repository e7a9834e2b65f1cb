"""What keeps servers on is written now and then, and no more often."""

import logging
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError

from ec2spawner.core.idleness import Limit, Seen, Step, Verdict
from ec2spawner.hub.database.own import OwnDatabase, own_engine
from ec2spawner.hub.database.uses import UseNote
from ec2spawner.hub.idle.record import UseRecord

NOW = 1_800_000_000.0
LOG = logging.getLogger("tests")


def server(why="it runs", id="i-1", **more):
    verdict = Verdict(Step.STAY, why, **more)
    use = SimpleNamespace(verdict=verdict, seen=Seen(1.0, 0.0, sees_people=True))
    return SimpleNamespace(use=use, launch=SimpleNamespace(instance_id=id))


@pytest.fixture
def record(tmp_path):
    database = OwnDatabase(own_engine(f"sqlite:///{tmp_path / 'own.sqlite'}", {}))
    yield UseRecord(database, "hub", LOG)
    database.close()


async def test_it_is_written_by_the_minute(record):
    at = NOW + 1801
    await record.keep([server("one", at=at, limit=Limit.IDLE)], NOW)
    notes, written = record._uses.read()
    assert written == NOW and notes == {"i-1": UseNote("one", NOW + 1800)}
    await record.keep([server("two")], NOW + 59)
    assert record._uses.read()[1] == NOW
    await record.keep([server("two"), server("three", "i-2")], NOW + 60)
    notes, written = record._uses.read()
    assert written == NOW + 60 and set(notes) == {"i-1", "i-2"}


async def test_what_is_the_same_is_written_every_five_minutes(record):
    await record.keep([server()], NOW)
    await record.keep([server()], NOW + 240)
    assert record._uses.read()[1] == NOW
    await record.keep([server()], NOW + 300)
    assert record._uses.read()[1] == NOW + 300


async def test_a_database_that_takes_nothing_is_told_once_and_stops_nothing(
    record, monkeypatch, caplog
):
    def refused(*about):
        raise OperationalError("insert", {}, Exception("read-only"))

    monkeypatch.setattr(record._uses, "write", refused)
    for minutes in range(5):
        await record.keep([server(str(minutes))], NOW + 60 * minutes)
    assert len([r for r in caplog.records if "cannot be written" in r.message]) == 1
