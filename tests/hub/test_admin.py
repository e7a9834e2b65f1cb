"""``ec2spawner ls`` and ``sweep``: the Hub runs, is down, or has lost its database."""

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ec2spawner.admin.hub_config import AdminError, read_hub
from ec2spawner.core.tags import HUB_TAG, LAUNCH_TAG, LEASE_TAG
from localec2 import Fault

from .conftest import api_of, eventually, living
from .hub_process import CONFIG
from .warm import Forked

COMMAND = Path(sys.executable).with_name("ec2spawner")
HUB_ID = "hub-of-this-test"
LONG_AGO, LATER = "2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
SETTINGS = {
    "hub_id": HUB_ID,
    "sweep_interval": 600,
    "tags": {"person": "{username}"},
    "prices": {"t3.small": 36.0, "t3.medium": 36.0},
}


@pytest.fixture
def leak(cloud, ec2):
    """Makes machines that no database knows, with a lease."""
    client = api_of(cloud)

    def make(lease, hub_id=HUB_ID, **tags):
        tags = {HUB_TAG: hub_id, LAUNCH_TAG: "lost", LEASE_TAG: lease, **tags}
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        answer = client.run_instances(
            ImageId=ec2.resources().image_id,
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": pairs}],
        )
        return answer["Instances"][0]["InstanceId"]

    return make


ENV = {
    "PATH": os.environ["PATH"],
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def run(*words, cwd):
    """Run the command in a folder: (exit code, out, err)."""
    argv = ["ec2spawner", *map(str, words)]
    with tempfile.TemporaryDirectory() as name:
        out, err = Path(name, "out"), Path(name, "err")
        code = Forked(argv, cwd, ENV, out, err).wait(120)
        return code, out.read_text(), err.read_text()


async def of_hub(hub, command, *words):
    """Run the command for a hub, in a folder that is not the Hub's."""
    words = (command, "-f", CONFIG, "--hub-folder", hub.folder, *words)
    return await asyncio.to_thread(run, *words, cwd="/")


async def sweep(hub, *words):
    return await of_hub(hub, "sweep", "--look-again=0.1", *words)


async def listed(hub):
    """Machine id -> its entry in ``ls --json``."""
    status, out, err = await of_hub(hub, "ls", "--json")
    assert status == 0, err
    found = {entry["id"]: entry for entry in json.loads(out)["machines"]}
    for entry in found.values():  # which grows
        assert entry.pop("cost_usd") >= 0.6
    return found


def kept_files(folder):
    """What a Hub keeps there; SQLite has a journal while a commit is under way."""
    names = sorted(os.listdir(folder))
    return [name for name in names if not name.endswith("-journal")]


def ids(ec2):
    return {machine.instance_id for machine in living(ec2)}


async def test_machines_are_listed_and_swept_whether_the_hub_runs_or_not(
    make_quick_hub, ec2, leak
):
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.ready_server("alice")
    (owned,) = ids(ec2)
    expired, fresh, foreign = leak(LONG_AGO), leak(LATER), leak(LONG_AGO, "another")
    eventually(lambda: len(ec2.machines("running")) == 4)
    files = kept_files(hub.folder)

    found = await listed(hub)
    assert set(found) == {owned, expired, fresh}
    assert found[owned]["owner"] == "alice" and found[owned]["wanted"]
    assert found[owned]["why"] == "its server is ready"
    assert found[expired]["owner"] is None and not found[expired]["wanted"]
    status, out, _ = await of_hub(hub, "ls")
    head, *lines = out.splitlines()
    assert status == 0 and len(lines) == 3
    (line,) = [line for line in lines if line.startswith(owned)]
    assert line.index("alice") == head.index("OWNER")
    status, out, err = await of_hub(hub, "why", "alice")
    assert (status, err) == (0, "")
    assert "its server is ready" in out and owned in out and " USD " in out

    hub.kill()
    status, out, err = await of_hub(hub, "cost", "--json")
    by_user = {line["user"]: line for line in json.loads(out)["lines"]}
    assert status == 0 and set(by_user) == {"alice", "(nobody)"}
    assert by_user["alice"]["machines_usd"] >= 0.6
    assert await listed(hub) == found
    status, out, err = await of_hub(hub, "why", "alice", "--console", "--json")
    (page,) = json.loads(out)
    about = {each["about"]: each["text"] for each in page["known"]}
    assert status == 0 and owned in about["machine"]
    assert about["console"].endswith("ec2spawner: ready")
    assert (await of_hub(hub, "why", "nobody"))[0] == 2
    status, out, err = await sweep(hub, "--dry-run")
    assert (status, err) == (0, "")
    assert f"would end  {expired}  machine" in out and owned not in out
    assert ids(ec2) == {owned, expired, fresh, foreign}
    status, out, err = await sweep(hub, "--json")
    assert (status, err) == (0, "")
    fates = {each["id"]: each["fate"] for each in json.loads(out)["things"]}
    assert fates == {expired: "ended", fresh: "not yet"}
    assert ids(ec2) == {owned, fresh, foreign}
    assert kept_files(hub.folder) == files

    await hub.start()
    await hub.wait_ready("alice")


@pytest.mark.slow
async def test_a_lost_database_ends_in_no_mass_kill(make_quick_hub, ec2, leak):
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    await hub.ready_server("alice")
    (owned,) = ids(ec2)
    hub.kill()
    database = hub.folder / "jupyterhub.sqlite"
    saved = database.read_bytes()
    database.unlink()
    expired = leak(LONG_AGO)

    status, out, err = await of_hub(hub, "ls")
    assert status == 0 and "there is no" in err
    assert "alice?" in out
    assert not database.exists(), "an empty database would speak for no machine"

    status, out, err = await sweep(hub)
    assert status == 1 and "so nothing is ended" in err
    assert ids(ec2) == {owned, expired}
    status, out, err = await sweep(hub, "--expired")
    assert status == 0, err
    assert ids(ec2) == {owned}, "alice's lease is not over"

    many = {leak(LONG_AGO) for _ in range(4)}
    status, out, err = await sweep(hub, "--expired")
    assert status == 3 and out.count("for a person") == 4
    assert ids(ec2) == {owned} | many

    # A database restored from a backup that knew of alice, and of nothing since.
    database.write_bytes(saved)
    status, out, err = await sweep(hub)
    assert status == 3
    assert ids(ec2) == {owned} | many
    status, out, err = await sweep(hub, "--force")
    assert status == 0, err
    assert ids(ec2) == {owned}


@pytest.mark.slow
async def test_what_ec2_refuses_is_told_and_tried_by_the_next_run(
    make_quick_hub, ec2, leak
):
    hub = make_quick_hub(settings=SETTINGS)
    await hub.start()
    hub.kill()
    lost = leak(LONG_AGO)
    denied = ("UnauthorizedOperation", 403)
    ec2.add_fault(Fault("TerminateInstances", error=denied))
    status, out, err = await sweep(hub)
    assert status == 1 and f"cannot end machine {lost}" in err
    ec2.clear_faults()
    ec2.add_fault(Fault("DescribeInstances", error=denied))
    status, out, err = await of_hub(hub, "ls")
    assert status == 1 and "DescribeInstances" in err
    ec2.clear_faults()
    assert (await sweep(hub))[0] == 0
    assert not ids(ec2)


# -- without a hub -----------------------------------------------------------

LINES = """
c.JupyterHub.spawner_class = "ec2"
c.EC2Spawner.region = "us-west-2"
c.EC2Spawner.endpoint_url = "http://127.0.0.1:1"
"""


def folder_with(tmp_path, lines):
    (tmp_path / "jupyterhub_config.py").write_text(lines)
    return tmp_path


def test_no_cookie_secret_is_ever_made(tmp_path):
    folder = folder_with(tmp_path, LINES)
    status, out, err = run("ls", cwd=folder)
    assert status == 2 and "cookie secret" in err and "--hub-id" in err
    assert os.listdir(folder) == ["jupyterhub_config.py"]


def test_a_second_sweep_does_not_run_beside_the_first(tmp_path):
    folder = folder_with(tmp_path, LINES)
    with (folder / "jupyterhub_config.py").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        status, out, err = run("sweep", "--hub-id=h", cwd=folder)
    assert status == 4 and "another sweep" in err


def test_a_mistake_on_the_command_line_ends_with_one_plain_line():
    """By the command as it is installed; the other tests fork what it calls."""
    done = subprocess.run(
        [COMMAND, "ls", "--no-such"], env=ENV, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("ec2spawner ls: there is no option --no-such")


@pytest.mark.parametrize(
    "lines, told",
    [
        ('c.JupyterHub.spawner_class = "simple"', "not EC2Spawner"),
        ("1 / 0", "ZeroDivisionError"),
        ('c.JupyterHub.spawner_class = "ec2"\nc.EC2Spawner.hub_id = "?"', "hub_id is"),
        (None, "there is no configuration"),
    ],
    ids=["another spawner", "a mistake", "a wrong setting", "none"],
)
def test_a_configuration_that_cannot_be_used_is_refused(tmp_path, lines, told):
    path = tmp_path / "jupyterhub_config.py"
    if lines is not None:
        path.write_text(lines)
    with pytest.raises(AdminError, match=told):
        read_hub(path)


def test_every_region_of_the_configuration_is_looked_into(tmp_path):
    lines = LINES + """
c.EC2Spawner.hub_id = "h"
c.EC2Spawner.profile_list = [
    {"display_name": "Here"},
    {"display_name": "There", "ec2spawner_override": {"region": "eu-west-1"}},
]
"""
    folder_with(tmp_path, lines)
    hub = read_hub(tmp_path / "jupyterhub_config.py", regions=["ap-south-1"])
    assert [a.region for a in hub.accounts] == ["us-west-2", "eu-west-1", "ap-south-1"]
