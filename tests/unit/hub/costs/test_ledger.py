"""The keeper of the ledger, with a database that it cannot write."""

import asyncio
import logging
import time

import pytest
from jupyterhub import orm

from ec2spawner.costs.ledger import Ledger
from ec2spawner.costs.price_list import PriceList
from ec2spawner.costs.runs import Kind, Run, Who
from ec2spawner.costs.store import Store
from ec2spawner.ec2.machines import Machine
from ec2spawner.hub.costs import ledger as module
from ec2spawner.hub.costs.ledger import Keeper
from ec2spawner.hub.database.own import OwnDatabase, own_engine

LOG = logging.getLogger("ledger")
PRICES = PriceList({}, {"t3.small": 1.0})
HOUR = 3600


@pytest.fixture
def hub_db():
    session = orm.new_session_factory("sqlite:///:memory:")()
    yield session
    session.close()


@pytest.fixture
def file(tmp_path):
    """A ledger in which alice has spent 2 USD."""
    path = tmp_path / "ledger.sqlite"
    engine = own_engine(f"sqlite:///{path}", {})
    store = Store(engine, "hub")
    store.make()
    began = int(time.time()) - 2 * HOUR
    ended = {"ended": began + 2 * HOUR, "exact": True, "usd": 1.0}
    run = Run("i-1", began, Kind.MACHINE, "t3.small", "", "r", **ended)
    store.save([Run(**{**vars(run), "who": Who("alice")})], {})
    engine.dispose()
    return path


async def test_a_ledger_file_that_is_read_only_costs_one_line_and_nothing_else(
    hub_db, file, caplog, monkeypatch
):
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.01)
    before = file.read_bytes()
    engine = own_engine(f"sqlite:///file:{file}?mode=ro&uri=true", {})
    database, ledger = OwnDatabase(engine), Ledger(lambda: PRICES)
    tries, work = [], database.run

    async def run(what):
        tries.append(what)
        return await work(what)

    database.run = run
    keeper = asyncio.ensure_future(Keeper(ledger, database, hub_db, "hub", LOG).keep())
    now = time.time()
    machine = Machine("i-2", "running", instance_type="t3.small", launched_at=now)
    ledger.see("r", [machine], now, complete=True)

    async def tried_often():
        while len(tries) < 20:
            await asyncio.sleep(0.01)

    await asyncio.wait_for(tried_often(), 30)
    assert not keeper.done()
    keeper.cancel()
    # What the file has is known, and what goes on is counted.
    assert ledger.of_user("alice", now).usd == pytest.approx(2.0)
    assert ledger.of_hub(now + HOUR).usd == pytest.approx(3.0, rel=1e-3)
    (told,) = [text for text in caplog.messages if "ledger" in text]
    assert "cannot be written" in told and "readonly database" in told
    database.close()
    assert file.read_bytes() == before
