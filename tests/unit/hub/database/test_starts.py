import asyncio
import logging
import threading

import pytest
from sqlalchemy import event

from ec2spawner.hub.database.own import OwnDatabase, own_engine
from ec2spawner.hub.database.starts import Starts, keep_history
from ec2spawner.launch.history import MOST_STARTS, StartHistory, StartKind

KIND = StartKind("us-west-2", "ami-1", "t3.small")
OTHER = StartKind("us-west-2", "", "t3.small", "stop")
LOG = logging.getLogger("test")
STAGES = {"machine": 1.0, "boot": 20.0, "home": 2.0, "jupyter": 7.0}
SECONDS = tuple(STAGES.values())


@pytest.fixture
def database(tmp_path):
    made = OwnDatabase(own_engine(f"sqlite:///{tmp_path / 'own.sqlite'}", {}))
    yield made
    made.close()


@pytest.fixture
def starts(database):
    made = Starts(database.engine, "hub")
    made.read()
    return made


async def history_of(database, hub="hub"):
    history = StartHistory()
    await keep_history(history, database, hub, LOG)
    return history


async def written(database):
    """All that was to be written is."""
    await asyncio.sleep(0)
    await database.run(lambda: None)


async def test_the_next_hub_knows_how_long_starts_took(database):
    (await history_of(database)).add(KIND, STAGES)
    await written(database)
    history = await history_of(database)
    assert history.expected(KIND).usual == 30
    assert history.expected(OTHER) is None


async def test_another_hub_in_the_same_database_has_starts_of_its_own(database):
    (await history_of(database)).add(KIND, STAGES)
    await written(database)
    assert (await history_of(database, "other")).expected(KIND) is None


def test_the_table_stays_small(starts):
    starts.write(OTHER, SECONDS)
    for _ in range(MOST_STARTS + 5):
        starts.write(KIND, SECONDS)
    kinds = [kind for kind, _ in starts.read()]
    assert kinds == [OTHER, *[KIND] * MOST_STARTS]


async def test_nothing_is_written_or_read_on_the_event_loop(database):
    threads = set()

    @event.listens_for(database.engine, "before_cursor_execute")
    def asked(*_):
        threads.add(threading.current_thread())

    (await history_of(database)).add(KIND, STAGES)
    await written(database)
    assert threads and threading.main_thread() not in threads


async def test_a_database_that_takes_no_changes_costs_no_start(database, starts):
    history = await history_of(database)

    @event.listens_for(database.engine, "connect")
    def read_only(connection, _):
        connection.execute("PRAGMA query_only = 1")

    history.add(KIND, STAGES)
    await written(database)
    assert history.expected(KIND).usual == 30
    assert starts.read() == []


async def test_a_database_that_cannot_be_had_costs_one_line(tmp_path, caplog):
    url = f"sqlite:///{tmp_path / 'no' / 'such.sqlite'}"
    nowhere = OwnDatabase(own_engine(url, {}))
    history = await history_of(nowhere)
    history.add(KIND, STAGES)
    await written(nowhere)
    assert history.expected(KIND).usual == 30
    (line,) = caplog.messages
    assert line.startswith("How long earlier starts took is not known")
    nowhere.close()
