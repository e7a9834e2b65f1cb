"""``ec2spawner cost``: the ledger as it is now, whether the Hub runs or not."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import replace

import pytest

from ec2spawner.admin import cost as cost_module
from ec2spawner.admin.collect import Region, Survey
from ec2spawner.admin.cost import CostApp
from ec2spawner.admin.hub_config import Hub
from ec2spawner.admin.ledger import read_ledger
from ec2spawner.core.state import Phase
from ec2spawner.costs.runs import Kind, Run, Who, bounds, month_of
from ec2spawner.costs.store import Store
from ec2spawner.ec2.clients import Account
from ec2spawner.ec2.machines import Machine
from ec2spawner.hub.database.own import own_engine
from ec2spawner.hub.database.records import Record, Records
from ec2spawner.settings import LaunchSettings

NOW = time.time()
HOUR = 3600
LAST = month_of(bounds(month_of(NOW))[0] - 1)
IN_LAST = int(bounds(LAST)[0]) + HOUR
RECORDS = Records(
    launches={"l-1": Record("bob", "", "l-1", "i-2", Phase.READY, profile="large")},
    groups={"bob": ("snow",)},
)


@pytest.fixture
def hub(tmp_path):
    path = tmp_path / "hub.sqlite"
    path.touch()
    settings = LaunchSettings(
        prices={"t3.large": 2.0}, prices_file=str(tmp_path / "no.json")
    )
    return Hub(
        "h", (Account("r"),), f"sqlite:///{path}", {}, path, 0.0, settings=settings
    )


@pytest.fixture
def store(hub):
    engine = own_engine(hub.db_url, {})
    made = Store(engine, "h")
    made.make()
    yield made
    engine.dispose()


RAN = Run(
    "i-1",
    IN_LAST,
    Kind.MACHINE,
    "t3.small",
    region="r",
    ended=IN_LAST + 2 * HOUR,
    exact=True,
    usd=0.5,
    who=Who("alice", "", "small", ("hydro",)),
)


def machine(**more):
    # By the clock of the test: it may be long since this file was read.
    more = {"launched_at": time.time() - 3 * HOUR, "launch_id": "l-1", **more}
    return Machine("i-2", "running", instance_type="t3.large", **more)


def seen(*machines, trouble=()):
    return Survey((Region(Account("r"), machines, (), trouble),), RECORDS, "", trouble)


@pytest.fixture
def command(hub, monkeypatch, capsys):
    def run(found, *words):
        async def survey(of, archives):
            return found

        monkeypatch.setattr(cost_module, "survey", survey)
        app = CostApp()
        app.parse_command_line(list(words))
        app.hub = lambda: hub
        with pytest.raises(SystemExit) as ended:
            app.start()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


def test_what_has_ended_and_what_goes_on_is_told_by_user(command, store):
    store.save([RAN], {})
    status, out, err = command(seen(machine()), "--month=all")
    assert (status, err) == (0, "")
    head, *lines = [line.split() for line in out.splitlines()]
    assert head == "USER MACHINES USD STORAGE USD TOTAL USD HOURS".split()
    assert [line[0] for line in lines] == ["bob", "alice", "TOTAL"]
    assert [line[3] for line in lines] == ["6.00", "1.00", "7.00"]


def test_a_month_and_groups_and_csv_and_json(command, store):
    store.save([RAN], {})
    found = seen(machine())
    words = ("--by", "group", f"--month={LAST}")
    rows = list(csv.DictReader(io.StringIO(command(found, *words, "--csv")[1])))
    assert [(row["group"], row["total_usd"]) for row in rows] == [("hydro", "1.0")]
    answer = json.loads(command(found, *words, "--json")[1])
    assert answer["total"]["total_usd"] == 1.0 and answer["month"] == LAST
    assert answer["lines"][0]["machine_hours"] == 2.0


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x"])
def test_no_users_name_is_a_formula_in_a_spreadsheet(command, store, name):
    store.save([replace(RAN, who=Who(name))], {})
    words = (f"--month={LAST}", "--csv")
    (row,) = csv.DictReader(io.StringIO(command(seen(), *words)[1]))
    assert row["user"] == f"'{name}"


def test_what_nobody_knows_the_price_of_is_said(command, store):
    store.save([replace(RAN, usd=None)], {})
    status, out, err = command(seen(), "--month=all")
    assert status == 0 and "0.00+" in out
    assert "nobody knows the price" in err and "t3.small" in err


def test_without_ec2_a_run_is_counted_until_it_was_last_seen(command, store):
    began = int(NOW) - 100 * HOUR
    goes_on = replace(RAN, id="i-9", began=began, ended=None, seen=began + HOUR)
    store.save([goes_on], {"r": began + 4 * HOUR})
    status, out, err = command(seen(trouble=("EC2 is away",)), "--month=all")
    assert status == 1 and "EC2 is away" in err and "last seen" in err
    assert out.splitlines()[-1].split()[3] == "2.00"
    # And with EC2, which does not have it any more, too.
    status, out, err = command(seen(), "--month=all")
    assert (status, out.splitlines()[-1].split()[3]) == (0, "2.00")


def test_without_a_ledger_what_runs_is_told(command, hub):
    hub.config_file.unlink()
    status, out, err = command(seen(machine()), "--month=all")
    assert status == 1 and "the ledger cannot be read" in err
    assert out.splitlines()[-1].split()[3] == "6.00"
    assert not hub.config_file.exists()


def test_nothing_is_written(hub, store):
    before = hub.config_file.read_bytes()
    ledger, why = read_ledger(hub, seen(machine()))
    now = time.time()
    assert not why and ledger.of_user("bob", now).machines == pytest.approx(6, 0.01)
    assert ledger.of_group("snow", now) == ledger.of_user("bob", now)
    assert hub.config_file.read_bytes() == before


@pytest.mark.parametrize("month", ["november", "2026-13"])
def test_what_is_no_month_is_refused(command, month):
    status, out, err = command(seen(), f"--month={month}")
    assert status == 2 and "is no month" in err and not out


def test_of_nothing_nothing_is_told(command, store):
    assert command(seen(), f"--month={LAST}")[1] == f"Nothing was spent in {LAST}.\n"
