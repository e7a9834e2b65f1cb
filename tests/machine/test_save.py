"""Somebody's machine becomes an image without what is theirs. Slow: it installs."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from ec2spawner.claim.agent.config import read_config, script_of
from ec2spawner.core.tags import SAVED_TAG, SECRETS_TAG

from ..hub.conftest import eventually, living
from ..localec2.conftest import client
from .test_build import image_command, left_in, outside  # noqa: F401

PLANTED = "s3cr3t-planted"
# Where people, programs and systems leave what is theirs.
PLACES = (
    *("/home/jovyan/.netrc", "/home/jovyan/.bash_history", "/home/jovyan/notes.txt"),
    *("/root/.ssh/id_rsa", "/root/.config/gh/hosts.yml", "/root/.python_history"),
    *("/var/lib/systemd/coredump/core.1", "/var/spool/cron/crontabs/jovyan"),
    *("/var/backups/shadow.bak", "/tmp/notes", "/var/log/any.log", "/swapfile"),
)
# What is installed stays, and so does what nobody can know to be a secret.
TOOL, SETTING = "/opt/tools/run", "/etc/app.conf"


@contextmanager
def merged(cloud, tmp_path, *images):
    """What a machine would have from images that lie over each other."""
    place = tmp_path / "merged"
    place.mkdir()
    layers = ":".join(str(Path(cloud.folder) / "images" / each) for each in images)
    overlay = ("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={layers}")
    subprocess.run([*overlay, str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def holding(place, text):
    """The files that have a text in them."""
    look = ["grep", "-rlsaF", "--devices=skip", text, str(place)]
    found = subprocess.run(look, capture_output=True, text=True).stdout.splitlines()
    return sorted(path.removeprefix(str(place)) for path in found)


@pytest.mark.slow
async def test_a_users_machine_becomes_an_image_without_what_is_theirs(
    cloud, ec2, make_hub, outside, guest, tmp_path  # noqa: F811
):
    hub = make_hub(settings={"home": "none"})
    await hub.start()
    await hub.ready_server("alice")
    machine = guest()
    pid = machine.main_pid("ec2spawner-server.service")
    token = machine.ordered["JUPYTERHUB_API_TOKEN"]
    kept = machine.run("readlink -f /var/lib/cloud/instance/user-data.txt")
    script = script_of((machine.disk / kept.lstrip("/")).read_bytes())
    nonce = read_config(script)["nonce"]
    for path in PLACES:
        machine.run(f"mkdir -p $(dirname {path}); echo {PLANTED} > {path}")
    machine.run("echo jovyan:{PLANTED} | chpasswd".replace("{PLANTED}", PLANTED))
    machine.run(f"mkdir -p $(dirname {TOOL}); echo echo 42 > {TOOL}")
    machine.run(f"echo 'password = \"hunter2-{PLANTED}\"' > {SETTING}")
    machine.run("sync")

    said = image_command(hub, "save", "alice", "--name=tools")
    image = said[-1]["image"]
    found = [each["text"] for each in said if each["event"] == "secret"]
    assert found == [f"{SETTING}:1 Secret Keyword"]
    assert PLANTED not in str(said)

    # Hers runs on; builder and copy are gone.
    eventually(lambda: len(living(ec2)) == 1)
    assert machine.main_pid("ec2spawner-server.service") == pid
    api = client(cloud)
    mine = api.describe_images(
        Filters=[{"Name": f"tag:{SAVED_TAG}", "Values": ["alice"]}]
    )["Images"]
    (shown,) = mine
    tags = {each["Key"]: each["Value"] for each in shown["Tags"]}
    assert shown["ImageId"] == image and tags[SECRETS_TAG] == "1"

    (copied,) = [t for e in said if "is the copy of" in (t := e.get("text", ""))]
    with merged(cloud, tmp_path, image, copied.split()[0]) as disk:
        assert holding(disk, PLANTED) == [SETTING]
        assert holding(disk, token) == holding(disk, nonce) == []
        assert left_in(disk) == []
        shadow = (disk / "etc/shadow").read_text()
        assert "jovyan:*:" in shadow and "$" not in shadow
        assert (disk / TOOL[1:]).read_text() == "echo 42\n"
        home = {path.name for path in (disk / "home/jovyan").iterdir()}
        assert home <= {".bashrc", ".profile", ".bash_logout"}
        assert (disk / "etc/ec2spawner/image.json").exists()
        assert list(disk.rglob("etc/systemd/system/ec2spawner*")) == []
