"""What must not be in an image: a machine's identity, and traces of people and us."""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess

from .commands import ACCOUNT, HERE, Machine

_CLEAN = (
    HERE,
    # We, and the agent of a machine that this one may have been before.
    "/var/lib/ec2spawner",
    "/etc/systemd/system/ec2spawner-*.service",
    "/etc/systemd/system/*.wants/ec2spawner-*.service",
    "/etc/ssh/ssh_host_*",
    "/var/lib/cloud/*",
    "/var/lib/dhcp/*.leases",
    "/var/lib/dhcpcd/*.lease",
    "/var/lib/NetworkManager/*.lease",
    "/var/lib/systemd/random-seed",
    "/var/lib/amazon/ssm",
    "/var/lib/apt/lists/*",
    "/var/log/journal/*",
    "/var/tmp/*",
    "/tmp/*",
    *(
        home + "/" + name
        for home in ("/root", "/home/*")
        for name in (
            *(".bash_history", ".python_history", ".ipython", ".jupyter", ".cache"),
            *(".local/share/jupyter", ".ssh/authorized_keys", ".netrc", ".aws"),
            *(".git-credentials", ".config", ".kaggle", ".viminfo", ".wget-hsts"),
        )
    ),
)


def clean(machine: Machine) -> str:
    """What must not be in an image: this machine's identity, and traces of us."""
    os.makedirs("/etc/ec2spawner", exist_ok=True)
    with open("/etc/ec2spawner/image.json", "w") as file:
        json.dump(
            {**machine.plan["record"], "lock": machine.plan["lock"]}, file, indent=1
        )
    for command in (
        ["apt-get", "clean"],
        ["dnf", "clean", "all"],
        ["cloud-init", "clean", "--logs", "--seed"],
        # From here on the journal is in memory: what it keeps is not in the image.
        ["journalctl", "--relinquish-var"],
        ["userdel", ACCOUNT],
    ):
        if shutil.which(command[0]):
            nowhere = subprocess.DEVNULL
            subprocess.call(command, stdout=nowhere, stderr=nowhere)
    for pattern in _CLEAN:
        for path in glob.glob(pattern):
            _remove(path)
    for path in glob.glob("/var/log/**", recursive=True):
        if os.path.isfile(path):
            open(path, "w").close()
    # Empty: the next boot makes one, and knows that it is the first (machine-id(5)).
    open("/etc/machine-id", "w").close()
    os.sync()
    return ""


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            os.unlink(path)
        except OSError:
            pass
