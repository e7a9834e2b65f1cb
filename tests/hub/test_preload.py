"""Servers that are imported while their machines wait for orders."""

import sys
from pathlib import Path

from ec2spawner.claim.agent import preloader

from .conftest import living
from .hub_process import TINY_SERVER

BREAKS = """\
import os, sys
if os.environ["JUPYTERHUB_USER"] == "bob" and "jupyter_server" in sys.modules:
    os._exit(9)
"""


def make_program(folder):
    """A server of its own Python, with modules that hold nothing."""
    for name in {module.split(".")[0] for module in preloader.MODULES}:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()
    program = folder / "jupyterhub-singleuser"
    program.write_text(f"#!{sys.executable}\n{BREAKS}{TINY_SERVER.read_text()}")
    program.chmod(0o755)
    return str(program)


def words_of(pids):
    for pid in pids:
        yield Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")


async def test_a_server_is_what_was_imported_ahead_and_a_plain_one_where_that_breaks(
    make_quick_hub, ec2, tmp_path
):
    hub = make_quick_hub({"cmd": [make_program(tmp_path / "bin")]})
    await hub.start()
    await hub.ready_server("alice")
    (machine,) = living(ec2)
    console = Path(machine.console_log).read_text()
    assert "the server was imported ahead, and begins" in console
    assert any("/preloader.py" in "".join(words) for words in words_of(machine.pids))
    await hub.stop_server("alice")
    await hub.ready_server("bob")
    (machine,) = living(ec2)
    console = Path(machine.console_log).read_text()
    assert "imported ahead, the server exited with code 9" in console
    assert not any("/preloader.py" in "".join(w) for w in words_of(machine.pids))
