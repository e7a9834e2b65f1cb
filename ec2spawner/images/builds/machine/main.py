"""What is asked of it on the command line: ``install`` at first, then ``run``."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
import time
from typing import Any, Callable

from . import checks, clean, steps
from .commands import Machine

SERVICE = "ec2spawner-build.service"
#: in the archive that this is run from
PLAN = "plan.json"
# As long as the one who follows the build may be away when it has failed.
_FAILED_SECONDS = 600
_REPEAT_SECONDS = 10
_UNIT = """\
[Unit]
Description=ec2spawner: makes an image of this machine
Wants=network-online.target
After=network-online.target
[Service]
ExecStart=%s %s run
StandardOutput=journal+console
"""
_STEPS: tuple[tuple[str, Callable[[Machine], str]], ...] = (
    ("begin", steps.begin),
    ("uv", steps.get_uv),
    ("apt", steps.install_system),
    ("server", steps.install_server),
    ("python", steps.make_env),
    ("install", steps.install),
    ("postBuild", steps.post_build),
    ("kernel", checks.make_kernel),
    ("test", checks.test),
    ("clean", clean.clean),
)


def install(plan: dict[str, Any]) -> None:
    """Become a service, after the end of this machine is certain."""
    subprocess.check_call(
        ["systemd-run", "--quiet", "--unit=ec2spawner-build-end"]
        + ["--on-active=%d" % plan["deadline"], "shutdown", "-h", "now"]
    )
    with open("/etc/systemd/system/" + SERVICE, "w") as file:
        file.write(_UNIT % (sys.executable, sys.argv[0]))
    subprocess.check_call(["systemctl", "daemon-reload"])
    subprocess.check_call(["systemctl", "start", "--no-block", SERVICE])


def run(plan: dict[str, Any]) -> None:
    """Build, and say so until somebody stops this machine or its time is over."""
    machine = Machine(plan)
    step = ""
    try:
        for step, work in _STEPS:
            machine.say(step)
            if told := work(machine):
                machine.say("told", told)
    except Exception as e:
        until = time.time() + _FAILED_SECONDS
        while time.time() < until:
            machine.say("failed", "%s: %s" % (step, e))
            time.sleep(_REPEAT_SECONDS)
        subprocess.call(["shutdown", "-h", "now"])
        return
    while True:
        machine.say("done")
        time.sleep(_REPEAT_SECONDS)


def main() -> None:
    plan = json.loads(pkgutil.get_data(__package__, PLAN) or b"")
    if sys.argv[1:] == ["install"]:
        install(plan)
    else:
        run(plan)
