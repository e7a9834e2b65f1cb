"""Idleness of a machine with systemd and accounts: what its kernel knows."""

import asyncio

import pytest

from ec2spawner.hub.database.own import own_engine
from ec2spawner.hub.database.uses import Uses

# A representative of both runs in CI with machines that are processes (tests/hub).
pytestmark = pytest.mark.slow

IDLE_SECONDS = 30
LOOP = (
    "import time\\n"
    "while True:\\n"
    " began = time.process_time()\\n"
    " while time.process_time() - began < 0.3: pass\\n"
    " time.sleep(0.1)\\n"
)


def noted(hub):
    """What the Hub knows of the only machine; it may write it in a minute only."""
    engine = own_engine(f"sqlite:///{hub.folder / 'jupyterhub.sqlite'}", {})
    with engine.connect() as connection:
        tables = "select name from sqlite_master where name = 'ec2spawner_uses'"
        if connection.exec_driver_sql(tables).first() is None:
            return None
        row = connection.exec_driver_sql("select hub_id from ec2spawner_uses").first()
    notes = Uses(engine, row.hub_id).read()[0] if row else {}
    return next(iter(notes.values()), None)


async def seen(hub, words):
    async def says():
        note = noted(hub)
        return note if note and words in note.why else None

    return await hub.wait_until(says, 150, f"the Hub knows: {words}")


async def test_programs_of_the_account_keep_a_machine_on_and_nothing_else_does(
    make_quick_hub, guest
):
    hub = make_quick_hub(settings={"idle_timeout": IDLE_SECONDS, "idle_warning": 10})
    await hub.start()
    await hub.ready_server("alice")
    machine = guest()
    account = machine.run("stat -c %U /run/ec2spawner-people/said")
    # Root's own program is nobody's use, and uses a whole processor.
    machine.run("(while :; do :; done) >/dev/null 2>&1 & echo $! > /run/burns")
    as_them = f"runuser -u {account} -- "
    machine.run(
        f"printf '{LOOP}' > /tmp/loop.py; cd /tmp; "
        f"{as_them} nohup python3 loop.py >/dev/null 2>&1 & sleep 0.1"
    )
    note = await seen(hub, "python3 uses")
    # It has no Jupyter that would tell of people.
    assert not note.sees_people
    machine.run(
        f"pkill -u {account} -f loop.py; setsid {as_them} "
        "script -qc 'sleep 600' /dev/null </dev/null >/dev/null 2>&1 &"
    )
    await seen(hub, "sleep runs in a terminal")
    await asyncio.sleep(IDLE_SECONDS)
    assert (await hub.server("alice"))["ready"]
    machine.run(f"pkill -u {account} -x sleep")
    await hub.wait_gone("alice", timeout=IDLE_SECONDS + 60)
    assert hub.remembers("alice").last_stop.limit == "idle"
    assert "alice is stopped in" in hub.log, "its user was warned"
