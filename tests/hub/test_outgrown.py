"""What a hub changes to when it outgrows one file: PostgreSQL, and traefik with Redis.

Debian's postgresql and redis-server; by night, as other tests use what comes with pip.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from ec2spawner.demo.ports import free_ports

from .conftest import eventually, living
from .test_admin import of_hub

WORDS = """
c.JupyterHub.db_url = "postgresql+psycopg://postgres@127.0.0.1:{postgres}/postgres"
c.JupyterHub.proxy_class = "traefik_redis"
c.TraefikRedisProxy.redis_url = "redis://127.0.0.1:{redis}/0"
"""


def programs_of_postgresql():
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else Path(shutil.which("initdb") or "/").parent


@contextlib.contextmanager
def running(words, answers, **options):
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, **options)
    try:
        eventually(lambda: answers() or process.poll())
        assert process.poll() is None, words
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@pytest.fixture
def ports():
    return dict(zip(("postgres", "redis"), free_ports(2)))


@pytest.fixture
def postgresql(tmp_path, ports):
    """It refuses to be root's."""
    programs = programs_of_postgresql()
    data = tmp_path / "postgresql"
    data.mkdir()
    account = {}
    if os.geteuid() == 0:
        account = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(data, "postgres")
        for each in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
            each.chmod(each.stat().st_mode | 0o011)
    made = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd=data, **account)
    port = str(ports["postgres"])
    words = [programs / "postgres", "-D", data, "-p", port, "-k", data]
    ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", port]
    with running(words, lambda: subprocess.call(ready) == 0, cwd=data, **account):
        yield


@pytest.fixture
def redis(tmp_path, ports):
    port = str(ports["redis"])
    words = ["redis-server", "--port", port, "--save", "", "--dir", str(tmp_path)]
    ping = ["redis-cli", "-p", port, "ping"]

    def answers():
        said = subprocess.run(ping, capture_output=True, text=True)
        return said.stdout.strip() == "PONG"

    with running(words, answers):
        yield


@pytest.mark.slow
async def test_a_hub_on_postgresql_and_redis_serves_dies_and_finds_its_machines(
    postgresql, redis, ports, make_quick_hub, ec2
):
    hub = make_quick_hub(code=WORDS.format(**ports))
    await hub.start()
    await hub.ready_server("alice")
    await hub.ready_server("bob")
    machines = {each.instance_id for each in living(ec2)}
    assert len(machines) == 2

    hub.kill()
    status, out, err = await of_hub(hub, "ls", "--json")
    shown = {each["id"]: each["owner"] for each in json.loads(out)["machines"]}
    assert shown.keys() == machines and set(shown.values()) == {"alice", "bob"}

    await hub.start()
    for user in ("alice", "bob"):
        await hub.wait_ready(user)
        await hub.stop_server(user)
    assert not living(ec2)
    status, out, _ = await of_hub(hub, "cost", "--json")
    spent = {line["user"]: line["machines_usd"] for line in json.loads(out)["lines"]}
    assert status == 0 and spent.keys() == {"alice", "bob"}
    assert not (hub.folder / "jupyterhub.sqlite").exists()
