"""What commands tell of servers' use, by the word of a Hub that runs or ran."""

import json
from pathlib import Path

import pytest

from ec2spawner.admin.hub_config import Hub
from ec2spawner.admin.uses import KnownUses, read_uses
from ec2spawner.hub.database.own import own_engine
from ec2spawner.hub.database.uses import UseNote, Uses

NOW = 1_800_000_000.0
WHY = "nobody has used it and nothing has run on it for 55 min"


@pytest.mark.parametrize(
    "note, told",
    [
        (
            UseNote("python3 uses 3.1 CPUs", NOW + 3600),
            "kept on: python3 uses 3.1 CPUs",
        ),
        (
            UseNote("somebody has used it", NOW + 1200, NOW - 2400),
            "idle for 40 min, stops in 20 min unless it is used",
        ),
        (UseNote("somebody has used it", 0, NOW - 2400), "idle for 40 min"),
        (
            UseNote(WHY, NOW + 300, NOW - 3300, warned=True),
            f"about to stop, stops in 5.0 min: {WHY}",
        ),
        (
            UseNote("it runs", sees_people=False),
            "kept on: it runs; it cannot see people",
        ),
    ],
    ids=str,
)
def test_it_is_told_what_keeps_a_server_on_or_when_it_stops(note, told):
    assert KnownUses({"i-1": note}, NOW - 60).of("i-1", NOW) == told


def test_of_another_machine_and_of_a_hub_that_was_long_ago_nothing_is_told():
    known = KnownUses({"i-1": UseNote("it runs")}, NOW - 60)
    assert known.of("i-2", NOW) == "" == known.of("i-1", NOW + 1000)


@pytest.fixture
def hub(tmp_path):
    url = f"sqlite:///{tmp_path / 'hub.sqlite'}"
    return Hub("h", (), url, {}, Path("c.py"), 1000.0)


def test_what_a_hub_has_written_is_read_and_of_no_other_hub(hub):
    engine = own_engine(hub.db_url, {})
    for hub_id, why in (("h", "mine"), ("other", "theirs"), ("h", "mine, later")):
        Uses(engine, hub_id).write({"i-1": UseNote(why)}, NOW)
    assert read_uses(hub) == KnownUses({"i-1": UseNote("mine, later")}, NOW)


def test_where_nothing_can_be_read_nothing_is_known(hub, tmp_path):
    assert read_uses(hub) == KnownUses(), "there is no database"
    engine = own_engine(hub.db_url, {})
    engine.connect().close()
    assert read_uses(hub) == KnownUses(), "there is no table"
    Uses(engine, "h").write({}, NOW)
    with engine.begin() as connection:
        text = json.dumps({"i-1": {"later": "version"}})
        connection.exec_driver_sql("update ec2spawner_uses set notes = ?", (text,))
    assert read_uses(hub) == KnownUses()
