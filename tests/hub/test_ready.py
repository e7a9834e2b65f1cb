"""Machines that are ready, on real processes."""

from pathlib import Path

import pytest

from .conftest import eventually, living
from .test_preload import make_program


@pytest.mark.slow
async def test_a_server_on_a_ready_machine_is_what_it_imported_while_it_waited(
    make_quick_hub, ec2, tmp_path
):
    program = make_program(tmp_path / "bin")
    hub = make_quick_hub({"cmd": [program], "ready_machines": [{"count": 1}]})
    await hub.start()

    def told_to_wait(machine):
        return console(machine).count("orders are not ready yet")

    def waits():
        return list(filter(told_to_wait, living(ec2)))

    def console(machine):
        path = Path(machine.console_log or "")
        return path.read_text() if path.is_file() else ""

    (ready,) = eventually(waits)
    # The Hub dies as it waits, and the next one finds it.
    hub.kill()
    before = told_to_wait(ready)
    await hub.start()
    eventually(lambda: told_to_wait(ready) > before)
    await hub.ready_server("alice")
    assert hub.saved_state("alice")["launch"]["instance_id"] == ready.instance_id
    assert "the server was imported ahead, and begins" in console(ready)
