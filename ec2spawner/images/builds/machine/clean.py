"""What must not be in an image: a machine's identity, and traces of people and us."""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess

from .commands import ACCOUNT, HERE, Machine

_CLEAN = (
    # We, and the agent of a machine that this one may have been before.
    "/var/lib/ec2spawner",
    "/etc/systemd/system/ec2spawner-*.service",
    "/etc/systemd/system/*.wants/ec2spawner-*.service",
    "/etc/ssh/ssh_host_*",
    "/var/lib/cloud/*",
    "/var/lib/dbus/machine-id",
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
# Run by systemd when nothing else runs any more, and the disk is read-only
# (systemd-shutdown(8)). What a machine writes as it ends, it would write after `clean`.
HOOK = "/usr/lib/systemd/system-shutdown/ec2spawner-build"
LAST = """\
#!/bin/sh
mount -o remount,rw / 2> /dev/null
rm -f "$0" /var/lib/dhcp/*.lease* /var/lib/dhclient/*.lease* /var/lib/dhcpcd/*.lease* \\
  /var/lib/NetworkManager/*.lease /var/lib/NetworkManager/timestamps \\
  /run/systemd/netif/leases/* /var/lib/systemd/random-seed
for each in wtmp btmp lastlog; do
  [ ! -e "/var/log/$each" ] || : > "/var/log/$each"
done
sync
mount -o remount,ro / 2> /dev/null
sync
"""


def clean(machine: Machine) -> str:
    """Write down what is in the image, and remove what must not be."""
    os.makedirs("/etc/ec2spawner", exist_ok=True)
    with open("/etc/ec2spawner/image.json", "w") as file:
        json.dump(
            {**machine.plan["record"], "lock": machine.plan["lock"]}, file, indent=1
        )
    clear(machine)
    if shutil.which("userdel"):
        subprocess.call(["userdel", ACCOUNT])
    remove(HERE)
    os.makedirs(os.path.dirname(HOOK), exist_ok=True)
    with open(HOOK, "w") as file:
        file.write(LAST)
    os.chmod(HOOK, 0o755)
    os.sync()
    return ""


def clear(machine: Machine) -> None:
    """What must not be in an image: this machine's identity, and traces of us."""
    for command in (
        ["apt-get", "clean"],
        ["dnf", "clean", "all"],
        ["cloud-init", "clean", "--logs", "--seed"],
        # From here on the journal is in memory: what it keeps is not in the image.
        ["journalctl", "--relinquish-var"],
    ):
        if shutil.which(command[0]):
            nowhere = subprocess.DEVNULL
            subprocess.call(command, stdout=nowhere, stderr=nowhere)
    for pattern in _CLEAN:
        for path in glob.glob(pattern):
            remove(path)
    for path in glob.glob("/var/log/**", recursive=True):
        if os.path.isfile(path):
            open(path, "w").close()
    # Empty: the next boot makes one, and knows that it is the first (machine-id(5)).
    open("/etc/machine-id", "w").close()


def remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            os.unlink(path)
        except OSError:
            pass
