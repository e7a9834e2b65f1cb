"""The agent as a service of the machine, and the machine's end."""

from __future__ import annotations

import os
import subprocess
import sys

from .unpack import INSTALLED
from .words import say

AGENT_UNIT = "/etc/systemd/system/ec2spawner-agent.service"


def install() -> None:
    """Make the agent a service, so that it runs at this boot and every later one."""
    unit = [
        "[Unit]",
        "Description=ec2spawner agent",
        "Wants=network-online.target",
        "After=network-online.target",
        "[Service]",
        "ExecStart=%s %s run" % (sys.executable, INSTALLED),
        "StandardOutput=journal+console",
        "Restart=on-failure",
        "RestartSec=1",
        # However often: without an agent the machine would run until noticed. In
        # this section also systemd 219 knows it.
        "StartLimitInterval=0",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ]
    with open(AGENT_UNIT, "w") as f:
        f.write("\n".join(unit))
    name = os.path.basename(AGENT_UNIT)
    for order in ("daemon-reload", "enable " + name, "start --no-block " + name):
        subprocess.check_call(["systemctl"] + order.split())


def power_off() -> None:
    """End this machine: EC2 terminates one that shuts itself down."""
    say("powering off")
    subprocess.call(["shutdown", "-h", "now"])
