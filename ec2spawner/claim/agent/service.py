"""The agent as services of the machine, and the machine's end."""

from __future__ import annotations

import os
import subprocess
import time
from typing import NoReturn

from .unpack import INSTALLED, PYTHON
from .words import say

UNITS = "/etc/systemd/system/"
AGENT = "ec2spawner-agent.service"
LOCK = "ec2spawner-metadata.service"
SERVER = "ec2spawner-server.service"
#: of this boot, as the server is
SERVER_UNIT = "/run/systemd/system/" + SERVER
# Made with the server, and gone with it: the token in Jupyter's notes is on no disk.
RUNTIME = "ec2spawner-server"
_AGENT = """\
[Unit]
Description=ec2spawner agent
Wants=network-online.target
After=network-online.target
[Service]
ExecStart=%s %s run
StandardOutput=journal+console
# However it ends, and however often: without an agent the machine would run until
# noticed. In this section also systemd 219 knows the last line.
Restart=always
RestartSec=1
StartLimitInterval=0
[Install]
WantedBy=multi-user.target
"""
# Before the network, and before any program of a user's: at the first boot there is
# none yet, and the agent itself does it.
_LOCK = """\
[Unit]
Description=ec2spawner: the metadata service is closed to users
DefaultDependencies=no
RequiresMountsFor=/var/lib/ec2spawner
Wants=network-pre.target
Before=network-pre.target basic.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=%s %s lock
StandardOutput=journal+console
[Install]
WantedBy=basic.target
"""


def install() -> None:
    """Make the agent a service, so that it runs at this boot and every later one."""
    install_units()
    subprocess.check_call(["systemctl", "start", "--no-block", AGENT])


def install_units() -> None:
    """Write the units, unless they are there: an image may have older ones."""
    units = {AGENT: _AGENT, LOCK: _LOCK}
    new = [
        name
        for name, unit in units.items()
        if write_text(UNITS + name, unit % (" ".join(PYTHON), INSTALLED))
    ]
    if new:
        subprocess.check_call(["systemctl", "daemon-reload"])
        subprocess.check_call(["systemctl", "enable", *new])


def write_server_unit(
    account: str, folder: str, command: list[str], env_file: str = ""
) -> None:
    """Say what the unit of the server runs, as which account and where.

    :param env_file: its environment, beside what systemd gives to all of an account
    """
    unit = [
        "[Unit]",
        "Description=Jupyter server of ec2spawner",
        "[Service]",
        "User=" + account,
        "WorkingDirectory=" + folder.replace("%", "%%"),
        *(["EnvironmentFile=" + env_file] if env_file else []),
        "ExecStart=" + " ".join(quote_exec(word) for word in command),
        "OOMPolicy=continue",
        "RuntimeDirectory=" + RUNTIME,
        "RuntimeDirectoryMode=0700",
        "",
    ]
    with open(SERVER_UNIT, "w") as file:
        file.write("\n".join(unit))


def quote_exec(word: str) -> str:
    """A word for systemd's ExecStart= (systemd.service, "Command lines")."""
    word = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"%s"' % word.replace("%", "%%").replace("$", "$$").replace("\n", "\\n")


def write_text(path: str, text: str) -> bool:
    """Put a text into a file; False when it is there already."""
    try:
        with open(path) as f:
            if f.read() == text:
                return False
    except FileNotFoundError:
        pass
    with open(path + ".new", "w") as f:
        f.write(text)
    os.replace(path + ".new", path)
    return True


def power_off() -> None:
    """End this machine: EC2 terminates one that shuts itself down."""
    say("powering off")
    subprocess.call(["shutdown", "-h", "now"])


def end() -> NoReturn:
    """End this machine, and do nothing else until it has ended."""
    while True:
        power_off()
        time.sleep(60)
