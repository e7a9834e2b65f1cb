"""From a boot to the orders, and on to the program that came with them.

What that program needs to know it finds in the file of the orders. It may be of
another version: the Hub may have been updated since it launched this machine.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import secrets
import shutil
import signal
import sys
from typing import Any

from . import metadata_lock
from .commands import write_private
from .config import BUILD_MARK, read_config, script_of
from .hub import Hub
from .metadata import Metadata
from .preload import Preload
from .service import install_units
from .unpack import INSTALLED, PYTHON, pack, refresh, write_if_other
from .words import Failed, say

# Set on machines of the local EC2 that are plain processes without systemd.
PROCESS_MACHINE = "EC2SPAWNER_LOCAL"
WORK_MAIN = "agent.work.main"
# A tmpfs: what is in it is of this boot, and on no disk.
RUN_FOLDER = "/run/ec2spawner"


def folders() -> tuple[str, str, bool]:
    """What lasts as long as this boot, and as the disk; and whether systemd runs."""
    if os.path.isdir("/run/systemd/system"):
        return RUN_FOLDER, os.path.dirname(INSTALLED), True
    if PROCESS_MACHINE not in os.environ:
        raise Failed("this machine does not run systemd")
    home = os.path.expanduser("~")
    return home + "/.ec2spawner", home + "/.ec2spawner-disk", False


def start(booted: bool) -> None:
    """Claim the orders, or go on with those of this boot, and become their program."""
    run_folder, disk_folder, systemd = folders()
    if booted and not systemd:
        # Here we are the first process of a boot, and this folder is on a disk.
        shutil.rmtree(run_folder, ignore_errors=True)
    for folder in (run_folder, disk_folder):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    if systemd:
        # Before anybody else's program can read what is to be claimed with.
        metadata_lock.shut()
    metadata = Metadata()
    script = script_of(metadata.get("user-data"))
    if BUILD_MARK in script.splitlines():
        # Its disk is that of a machine that we have served on. It must not be ended.
        say("this machine makes an image: there is nothing to do")
        signal.pause()
    config = read_config(script)
    if systemd:
        renew(script)
    address = metadata.get("meta-data/local-ipv4").decode()
    kept = kept_orders(run_folder)
    how, work = "go-on", str(kept.get("work"))
    if kept.get("nonce") == config["nonce"] and os.path.exists(work):
        say("going on with the orders of this boot")
    else:
        how = "begin"
        key = machine_key(run_folder, disk_folder, config["nonce"])
        preload = Preload(config, run_folder, systemd)
        if not kept:  # what slept may have a server in memory
            preload.start()
        hub = Hub(config, address, key)
        orders = hub.claim(not kept, metadata.identity())
        say("claimed the orders of launch " + config["launch_id"])
        work = keep(orders.pop("agent", {}), (disk_folder, run_folder))
        if orders["goes_on"]:
            # The Hub has no token to give: what is in memory has it, and its key.
            orders["env"], orders["tls"] = kept["env"], kept.get("tls", {})
        orders.update(config=config, nonce=config["nonce"], address=address)
        orders.update(program=sys.argv[0], work=work)
        preload.end()
        write_private(os.path.join(run_folder, "orders"), json.dumps(orders))
    become(work, how)


def become(program: str, how: str) -> None:
    """Go on as what came with the orders, in this process: a Python of its own takes a
    tenth of a second to start. Nothing of ours stays: it may be of another version."""
    for name in [n for n in sys.modules if n.startswith("agent")]:
        del sys.modules[name]
    sys.argv = [program, how]
    sys.path.insert(0, program)
    importlib.import_module(WORK_MAIN).main()


def keep(files: dict[str, str], folders: tuple[str, ...]) -> str:
    """Where the program that came with the orders is, or one that came before.

    :param folders: where it may be; a disk may be full
    """
    for folder in folders:
        work = os.path.join(folder, "work.pyz")
        try:
            if files:
                write_if_other(work, pack(files, WORK_MAIN))
            if os.path.exists(work):
                return work
        except OSError as e:
            say("cannot write %s: %r" % (work, e))
    raise Failed("there is no program for the orders")


def renew(script: str) -> None:
    """Become the agent that the Hub has sent, when this boot has brought one.

    A machine that was stopped, or that was made from another's image, wakes up with
    the agent of back then.
    """
    if refresh(INSTALLED, script):
        say("the user-data has brought another agent: it takes over")
        os.execv(PYTHON[0], [*PYTHON, INSTALLED, "run"])
    install_units()


def kept_orders(run_folder: str) -> dict[str, Any]:
    """Those of this boot, if we died and came back, or slept; else none."""
    try:
        with open(os.path.join(run_folder, "orders")) as f:
            kept: dict[str, Any] = json.load(f)
            return kept
    except FileNotFoundError:
        return {}


def machine_key(run_folder: str, disk_folder: str, nonce: str) -> str:
    """What proves that it is still us, also after a reboot.

    So it is on the disk, too, with the digest of the nonce that it has claimed with.
    It opens nothing but the orders of that one claim, from this machine's address. A
    machine made from a copy of the disk has another nonce, and makes its own key.
    """
    here, note = run_folder + "/machine-key", disk_folder + "/machine-key"
    digest = hashlib.sha256(nonce.encode()).hexdigest()
    noted = read_note(note)
    if os.path.exists(here):
        with open(here) as f:
            key = f.read()
    else:
        key = noted[1] if noted[0] == digest else secrets.token_urlsafe(32)
        write_private(here, key)
    if noted != [digest, key]:
        try:
            write_private(note, json.dumps([digest, key]))
        except OSError as e:  # a full disk: then no reboot can be survived
            say("cannot write %s: %r" % (note, e))
    return key


def read_note(path: str) -> list[str]:
    try:
        with open(path) as f:
            digest, key = json.load(f)
            return [str(digest), str(key)]
    except (OSError, ValueError, TypeError):
        return ["", ""]
