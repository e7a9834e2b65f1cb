"""An image with what people use beside Jupyter: ssh, editors, Dask, applications."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.machine.guest import Guest
from tests.machine.here import Here

#: Debian's. With libpam-systemd, as AMIs have it: who logs in has a slice of their own.
PROGRAMS = "openssh-server libpam-systemd cron sudo vim-tiny less htop tmux".split()
#: beside JupyterLab; of the root's Python
WHEELS = ["distributed", "jupyter-server-proxy", "jupyter-collaboration", "nbconvert"]
PYTHON = "3.11"

INSTALL = """
set -e
cd /tmp/scenes
export DEBIAN_FRONTEND=noninteractive
put="dpkg --install --skip-same-version --refuse-downgrade"
# Twice: one that must be there before another may come after it.
$put debs/*.deb > log 2>&1 || $put debs/*.deb > log 2>&1 || { tail log >&2; exit 1; }
/opt/jupyter/bin/pip install --quiet --no-index --find-links wheels "$@"
cp gpu /usr/bin/nvidia-smi
cd /; rm -r /tmp/scenes
# Each machine makes keys of its own, as machines of an AMI do.
rm -f /etc/ssh/ssh_host_*
"""
# As busy as a scene says; with no word of it, it fails.
GPU = """#!/bin/sh
cat /run/gpu-percent
"""


def image_of_scenes(here: Here, folder: Path) -> str:
    """Make it, of a machine that has booted; its id. A minute or two."""
    (folder / "debs").mkdir(parents=True)
    fetch_programs(folder / "debs")
    fetch_wheels(folder / "wheels")
    (folder / "gpu").write_text(GPU)
    (folder / "gpu").chmod(0o755)
    machine = here.launch()
    guest = here.booted(machine)
    bring(guest, folder, "/tmp/scenes")
    guest.run("sh", "-c", INSTALL, "install", *WHEELS)
    image = here.image(machine, "scenes", NoReboot=True)
    here.terminate(machine)
    return image


def fetch_programs(place: Path) -> None:
    """By mmdebstrap, which roots are made by: it finds packages of another suite."""
    subprocess.run(
        [
            *("mmdebstrap", "--quiet", "--variant=extract", "--skip=extract/unlink"),
            "--skip=essential/unlink,cleanup",
            f'--extract-hook=cp "$1"/var/cache/apt/archives/*.deb {place}/',
            *("--include=" + ",".join(PROGRAMS), "bookworm", "/dev/null"),
        ],
        check=True,
    )


def fetch_wheels(place: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "-qq", "--dest", place),
            *("--only-binary=:all:", f"--python-version={PYTHON}", *WHEELS),
        ],
        check=True,
    )


def bring(guest: Guest, folder: Path, to: str) -> None:
    """Copy a folder to a machine."""
    enter = ["nsenter", f"--target={guest.init}", "--all", "--wd=/", "--"]
    unpack = ["sh", "-c", f"mkdir {to} && tar --extract --file=- --directory={to}"]
    pack = ["tar", "--create", "--file=-", f"--directory={folder}", "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
        subprocess.run([*enter, *unpack], stdin=packed.stdout, check=True)
