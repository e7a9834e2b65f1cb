"""What is asked of it on the command line: ``install`` at first, then ``build``."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
import time
from importlib import import_module
from typing import Any, Callable

from .commands import Machine

SERVICE = "ec2spawner-build.service"
#: in the archive that this is run from
PLAN = "plan.json"
# As long as the one who follows may be away when all is said.
_SAID_SECONDS = 600
_REPEAT_SECONDS = 10
_UNIT = """\
[Unit]
Description=ec2spawner: makes an image of this machine
Wants=network-online.target
After=network-online.target
[Service]
ExecStart=%s %s build
StandardOutput=journal+console
"""
# Of machines that were made from a server's disk: they would run beside us.
_AGENT = ("ec2spawner-agent.service", "ec2spawner-metadata.service")
# Step -> where its work is. A machine is given the files of its own job only.
_BUILD = (
    ("begin", "steps.begin"),
    ("uv", "steps.get_uv"),
    ("apt", "steps.install_system"),
    ("server", "steps.install_server"),
    ("python", "steps.make_env"),
    ("install", "steps.install"),
    ("content", "content.bake"),
    ("postBuild", "content.post_build"),
    ("kernel", "checks.make_kernel"),
    ("test", "checks.test"),
    ("clean", "clean.clean"),
)
_TEST = (("begin", "steps.begin"), ("start", "boot.start_server"))
# On the copy of somebody's disk.
_SAVE = (
    ("begin", "steps.begin"),
    ("uv", "steps.get_uv"),
    ("start", "boot.start_server"),
    ("scan", "saved.scan"),
    ("clean", "clean.clean"),
    ("wipe", "saved.wipe"),
)
JOBS = {"build": _BUILD, "test": _TEST, "save": _SAVE}


def work_of(where: str) -> Callable[[Machine], str]:
    module, _, name = where.partition(".")
    found = import_module("." + module, __package__)
    work: Callable[[Machine], str] = getattr(found, name)
    return work


def install(plan: dict[str, Any]) -> None:
    """Become a service, after the end of this machine is certain."""
    subprocess.call(["systemctl", "--quiet", "disable", "--now", *_AGENT])
    subprocess.check_call(
        ["systemd-run", "--quiet", "--unit=ec2spawner-build-end"]
        + ["--on-active=%d" % plan["deadline"], "shutdown", "-h", "now"]
    )
    with open("/etc/systemd/system/" + SERVICE, "w") as file:
        file.write(_UNIT % (sys.executable, sys.argv[0]))
    subprocess.check_call(["systemctl", "daemon-reload"])
    subprocess.check_call(["systemctl", "start", "--no-block", SERVICE])


def run(plan: dict[str, Any]) -> None:
    """Do what is asked, and say so until somebody stops this machine or its time is
    over."""
    machine = Machine(plan)
    step = ""
    try:
        for step, where in JOBS[plan["do"]]:
            machine.say(step)
            if told := work_of(where)(machine):
                machine.say("told", told)
        word, text = "done", ""
    except Exception as e:
        word, text = "failed", "%s: %s" % (step, e)
    until = time.time() + _SAID_SECONDS
    # Of a builder that is done the disk is wanted.
    while time.time() < until or (word == "done" and plan["do"] != "test"):
        machine.say(word, text)
        time.sleep(_REPEAT_SECONDS)
    subprocess.call(["shutdown", "-h", "now"])


def main() -> None:
    plan = json.loads(pkgutil.get_data(__package__, PLAN) or b"")
    if sys.argv[1:] == ["install"]:
        install(plan)
    elif sys.argv[1:] == ["build"]:
        run(plan)
