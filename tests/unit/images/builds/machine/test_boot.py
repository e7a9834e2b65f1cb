"""What starts the server of an image, tried on the one of this computer."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupyterhub
import pytest

from ec2spawner.images.builds.machine import boot
from ec2spawner.images.builds.machine.commands import Failed

# This computer's tests may be root, a server on a machine never is.
ROOT = ["--allow-root"] if os.geteuid() == 0 else []
SPEC = {"display_name": "x", "language": "python"}


class Machine:
    """This computer in the place of a machine."""

    def __init__(self, tmp_path, *path):
        self.plan = {
            "path": [str(each) for each in path],
            "hub": jupyterhub.__version__,
        }
        self.said, self.tmp_path = [], tmp_path

    def say(self, word, text):
        self.said.append(text)

    def run(self, *command):
        share = {"HOME": str(self.tmp_path), "JUPYTER_PATH": str(self.tmp_path)}
        done = subprocess.run(
            [*command, *ROOT],
            env={**os.environ, **share},
            capture_output=True,
            text=True,
            cwd=self.tmp_path,
        )
        if done.returncode:
            raise Failed(done.stdout + done.stderr)
        return done.stdout


def kernel(tmp_path, name, *argv):
    folder = tmp_path / "kernels" / name
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({**SPEC, "argv": list(argv)}))


def test_a_server_starts_and_each_of_its_kernels_computes_or_is_named(tmp_path):
    launch = ("-m", "ipykernel_launcher", "-f", "{connection_file}")
    kernel(tmp_path, "good", sys.executable, *launch)
    here = Path(sys.executable).parent
    machine = Machine(tmp_path, here)
    kernel(tmp_path, "bad", str(tmp_path / "no-such-python"), *launch)
    with pytest.raises(Failed, match="these kernels do not compute: bad$"):
        boot.start_server(machine)
    (text,) = machine.said
    assert text.startswith("the kernel bad: ")


def test_a_server_that_does_not_start_says_why(tmp_path):
    here = tmp_path / "bin"
    here.mkdir()
    (here / boot.SINGLEUSER).write_text("#!/bin/sh\necho no module named lab; exit 3\n")
    (here / boot.SINGLEUSER).chmod(0o755)
    (here / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (here / "python3").chmod(0o755)
    with pytest.raises(Failed) as caught:
        boot.start_server(Machine(tmp_path, here))
    assert "no module named lab" in str(caught.value)
    assert "the server does not start" in str(caught.value)


def test_an_image_without_a_server_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    with pytest.raises(Failed, match="there is no jupyterhub-singleuser in /opt/x"):
        boot.start_server(Machine(tmp_path, "/opt/x"))
