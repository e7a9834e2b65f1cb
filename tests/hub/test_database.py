"""A real Hub whose database is read-only for a while, and which ends all the same."""

import os
import signal

from .conftest import living

# SQLite itself refuses writes then. (Who is root may write to any file.)
READ_ONLY = """
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine

@event.listens_for(Engine, "before_cursor_execute")
def _(connection, cursor, *rest):
    cursor.execute("PRAGMA query_only = %i" % Path("read-only").exists())
"""


async def test_a_hub_with_a_read_only_database_goes_on_and_ends_when_told(
    make_quick_hub, ec2
):
    hub = make_quick_hub(code=READ_ONLY)
    await hub.start()
    await hub.ready_server("alice")
    await hub.api("POST", "/users/bob")
    mark = hub.folder / "read-only"
    mark.touch()
    assert (await hub.start_server("bob"))[0] >= 500
    assert len(ec2.requests("RunInstances")) == 1
    assert await hub.healthy() and (await hub.server("alice"))["ready"]

    mark.unlink()
    await hub.ready_server("bob")  # without a restart

    mark.touch()
    await hub.api("DELETE", "/users/bob/server")
    await hub.wait_until(
        lambda: _ended(ec2, 1), hub.patience, "the machine of bob is ended"
    )
    os.kill(hub._process.pid, signal.SIGTERM)
    hub.exit_code()
    assert "...done" in hub.log


async def _ended(ec2, left):
    return len(living(ec2)) == left
