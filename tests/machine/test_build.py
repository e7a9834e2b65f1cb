"""From a repository to an image, a server, and a cell in its kernel. Slow: it installs.

Packages come from the registry that pip is configured for here.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import jupyterhub
import pytest

from ec2spawner.core.tags import BUILD_TAG
from ec2spawner.demo.visitor import Visitor
from localec2.net.this_computer import ways
from localec2.roots.roots import kept

from ..hub.conftest import eventually, living
from ..hub.hub_process import CONFIG
from ..localec2.conftest import client
from ..unit.images.git_server import git_server

# As the repository of the talk: below a folder, old pins, one of which has no wheel,
# and code that imports what no file asks for.
FILES = {
    "environment/requirements.txt": "six==1.16.0\npydotplus==2.0.2\n",
    "environment/runtime.txt": "python-3.11\n",
    "run.py": "import os, six, pydotplus, spotpy\n",
}
# What must not be in an image: who the machine was, how it was told what to do, and
# that it had an address and was switched off, which is written when all is done.
IDENTITY = (
    *("etc/machine-id", "etc/ssh/ssh_host_*", "var/lib/cloud/**/*", "tmp/*"),
    *("var/lib/ec2spawner*/**/*", "etc/systemd/system/ec2spawner*", "root/.cache/**/*"),
    *("var/log/**/*.log", "var/log/journal/**/*", "var/log/wtmp", "var/lib/dhcp/*"),
    *("var/lib/systemd/random-seed", "usr/lib/systemd/system-shutdown/ec2spawner*"),
)
# It does not know who made the certificate of the server of files.
TRUSTS_ANY = "#!/bin/sh\ngit config --system http.sslVerify false\n"
LOOK = "import six, pydotplus, sys; print(six.__version__, sys.executable)"


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "A Lab"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def files(cloud, tmp_path):
    """A repository whose files homes get; machines reach it without the way out."""
    (tmp_path / "git").mkdir()
    with git_server(tmp_path / "git", cloud.hub_address) as server:
        yield server.commit("notes", {"first.txt": "read me"})


@pytest.fixture
def outside(cloud, ec2):
    ec2.change_settings(**ways(kept()))
    yield
    ec2.change_settings(outside=[], index_urls=[])


def build(hub, base, repository, *more, until=""):
    words = ("build", str(repository), f"--base={base}", *more)
    return image_command(hub, *words, until=until)


def image_command(hub, *words, until=""):
    """Run ``ec2spawner image``; its output as objects.

    :param until: the event at which the command is killed; empty to let it end
    """
    command = [sys.executable, "-c", "from ec2spawner.cli import main; main()", "image"]
    said = []
    with subprocess.Popen(
        [
            *(*command, *words, "--json"),
            *("-f", str(CONFIG), f"--hub-folder={hub.folder}"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        # pip's configuration and certificates are this computer's.
        env={**os.environ, **hub.environment(), "HOME": os.environ["HOME"]},
    ) as process:
        for line in process.stdout:
            said.append(json.loads(line))
            if said[-1]["event"] == until:
                process.kill()
    assert process.returncode == (-9 if until else 0), said
    return said


def left_in(layer):
    """Of a machine's identity what its image has."""
    return [
        path.relative_to(layer).as_posix()
        for pattern in IDENTITY
        for path in layer.glob(pattern)
        if path.is_file() and not path.is_symlink() and path.stat().st_size
    ]


@pytest.mark.slow
async def test_a_repository_becomes_an_image_whose_kernel_a_user_works_in(
    cloud, ec2, make_hub, outside, repository, guest, files
):
    settings = {"content": f"{files}@main", "setup_script": TRUSTS_ANY}
    hub = make_hub(settings={"image": "repo:a-lab", "home": "none", **settings})
    await hub.start()
    began = time.monotonic()
    base = cloud.control.resources().image_id
    said = build(hub, base, repository, "--boot-test")
    print(f"built in {time.monotonic() - began:.0f} s")
    events = [each["event"] for each in said]
    assert events[0] == "plan" and events[-1] == "ready"
    told = [each.get("text", "") for each in said]
    assert "the kernel computes" in told and "2 of 2 packages import" in told
    missing = [each["text"] for each in said if each["event"] == "missing"]
    assert missing == ["spotpy run.py"]
    # The builder has ended, and its disk with it.
    eventually(lambda: living(ec2) == [])
    requests = [request.action for request in ec2.requests()]
    # A builder, and a machine that has tried the image as a server would.
    assert requests.count("RunInstances") == 2 and requests.count("CreateImage") == 1
    (tried,) = [text for text in told if "these kernels compute" in text]
    assert "a-lab" in tried and "python3" in tried
    layer = Path(cloud.folder) / "images" / said[-1]["image"]
    assert (layer / "opt/envs/a-lab/bin/python").exists()
    assert left_in(layer) == []
    (again,) = [e for e in build(hub, base, repository) if e["event"] == "ready"]
    assert again["image"] == said[-1]["image"] and again["known"]
    assert [r.action for r in ec2.requests()].count("RunInstances") == 2
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("small")
        await alice.ready(timeout=180)
        text, _ = await alice.run_cell(LOOK, kernel="a-lab", timeout=120)
        assert text.split() == ["1.16.0", "/opt/envs/a-lab/bin/python"]
        text, _ = await alice.run_cell("import sys; print(sys.prefix)")
        assert text.strip() == "/opt/jupyter"
        text, _ = await alice.run_cell("print(open('notes/first.txt').read())")
        assert text.strip() == "read me"
        (machine,) = client(cloud).describe_instances(
            Filters=[
                {"Name": "image-id", "Values": [again["image"]]},
                {"Name": "instance-state-name", "Values": ["running"]},
            ]
        )["Reservations"]
        assert BUILD_TAG not in str(machine)
        record = json.loads(guest().run("cat /etc/ec2spawner/image.json"))
        assert "six==1.16.0" in record["lock"].split()
        await alice.stop()


SECRET = "s3cr3t-planted"
# Where people and servers leave them.
PLACES = (
    *("/root/.netrc", "/root/.bash_history", "/root/.ssh/authorized_keys"),
    *("/home/ada/.local/share/jupyter/runtime/jpserver-1.json", "/tmp/notes"),
    *("/etc/ssh/ssh_host_rsa_key", "/var/lib/ec2spawner/ran", "/var/log/any.log"),
)


@pytest.mark.slow
def test_a_bare_machine_becomes_a_clean_image_though_who_follows_it_is_killed(
    here, ec2, make_hub, outside, repository
):
    hub = make_hub(settings={"hub_id": "lab"})
    bare = here.launch()
    guest = here.booted(bare)
    guest.run("rm -r /opt/jupyter")
    for path in PLACES:
        guest.run(f"mkdir -p $(dirname {path}); echo {SECRET} > {path}")
    here.stop(bare)
    base = here.image(bare, "bare")
    here.terminate(bare)
    ec2.clear_requests()
    build(hub, base, repository, "--bake", until="install")
    build(hub, base, repository, "--bake", until="stop")
    image = build(hub, base, repository, "--bake")[-1]["image"]
    actions = [request.action for request in ec2.requests()]
    assert actions.count("RunInstances") == actions.count("CreateImage") == 1
    eventually(lambda: living(ec2) == [])
    guest = here.booted(here.launch(ImageId=image))
    # A server of this Hub's version, the kernel beside it, and a first boot.
    listed = guest.run("/opt/jupyter/bin/jupyter kernelspec list")
    assert "a-lab" in listed and "python3" in listed
    major = jupyterhub.__version__.partition(".")[0]
    singleuser = "/opt/jupyter/bin/jupyterhub-singleuser --version"
    assert guest.run(singleuser).startswith(f"{major}.")
    # The files are in it, for everybody, and it is root's.
    clone = "cd /tmp && git clone -q file:///opt/content/repository.git code"
    guest.run(f"runuser -u nobody -- sh -c '{clone}'")
    assert guest.run("cat /tmp/code/run.py") == FILES["run.py"].strip()
    look = f"grep -rls {SECRET} /root /home /etc /var /opt/jupyter /tmp"
    assert guest.run(look, check=False) == ""
    here.api.deregister_image(ImageId=image)
