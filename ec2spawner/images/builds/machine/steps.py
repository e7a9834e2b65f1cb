"""The steps that install: each gives a sentence to tell, or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import sys
import time
import urllib.request
import zipfile

from .commands import ACCOUNT, HERE, PYTHONS, SERVER, UV, Failed, Machine

#: run in an environment that has py-rattler; the packages are its standard input
CONDA = """\
import asyncio, json, os, sys
import rattler
from pathlib import Path
def record(url, sha256, noarch, site_packages):
    place, _, file = url.rpartition("/")
    channel, _, subdir = place.rpartition("/")
    stem = file[: -len(".conda" if file.endswith(".conda") else ".tar.bz2")]
    name, version, build = stem.rsplit("-", 2)
    made = rattler.PackageRecord(
        name, version, rattler.BuildString(build), 0, subdir, noarch=noarch or None,
        sha256=bytes.fromhex(sha256) or None,
        python_site_packages_path=site_packages or None)
    return rattler.RepoDataRecord(made, file, url, channel)
asyncio.run(rattler.install(
    [record(*each) for each in json.load(sys.stdin)], sys.argv[1],
    cache_dir=Path(sys.argv[2]), show_progress=False, execute_link_scripts=True))
# Its threads may still be at work, and crash an interpreter that is being taken down.
os._exit(0)
"""


def begin(machine: Machine) -> str:
    for folder in ("/opt/envs", PYTHONS, HERE + "/home", HERE + "/cache"):
        os.makedirs(folder, exist_ok=True)
    os.chmod(HERE, 0o711)
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        command = ("useradd", "--system", "--no-create-home", "--home-dir")
        machine.run(*command, HERE + "/home", "--shell", "/bin/sh", ACCOUNT, root=True)
    for folder in ("/home", "/cache"):
        shutil.chown(HERE + folder, ACCOUNT, ACCOUNT)
    return ""


def get_uv(machine: Machine) -> str:
    wheel, wanted = HERE + "/uv.whl", machine.plan["uv"]
    for attempt in range(5):
        try:
            with urllib.request.urlopen(wanted["url"], timeout=60) as answer:
                content = answer.read()
            break
        except OSError as e:
            trouble = e
            time.sleep(5 * attempt)
    else:
        raise Failed("the package index cannot be reached: %s" % trouble)
    if wanted["sha256"] and hashlib.sha256(content).hexdigest() != wanted["sha256"]:
        raise Failed("%s is not what it was when this was planned" % wanted["url"])
    with open(wheel, "wb") as file:
        file.write(content)
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("/scripts/uv"))
        with archive.open(name) as packed, open(UV, "wb") as file:
            shutil.copyfileobj(packed, file)
    os.chmod(UV, 0o755)
    return ""


def install_system(machine: Machine) -> str:
    names = list(machine.plan["apt"])
    if machine.plan["git"] and not shutil.which("git"):
        names.append("git")
    if names:
        _system(machine, *names)
    if not shutil.which("git"):
        try:
            _system(machine, "git")
        except Failed as e:
            machine.say("told", "without git no files are brought at a start: %s" % e)
    return ", ".join(names) or "none"


def _system(machine: Machine, *names: str) -> None:
    """Install packages of the distribution."""
    if not shutil.which("apt-get"):
        if not shutil.which("dnf"):
            raise Failed(
                "this base image has neither apt nor dnf, so %s cannot be installed: "
                "take one that has them already" % ", ".join(names)
            )
        try:
            machine.run("dnf", "-q", "install", "-y", *names, root=True)
        except Failed as e:
            raise Failed(
                "%s (this base image has dnf: packages have other names there than "
                "Debian's, which apt.txt is for)" % e
            )
        return
    try:
        machine.run("apt-get", "-qq", "update", root=True)
    except Failed as e:
        machine.say("told", "not every list of packages could be read: %s" % e)
    install = ("apt-get", "-qq", "install", "-y", "--no-install-recommends")
    machine.run(*install, *names, root=True)


def _install_compilers(machine: Machine) -> None:
    if shutil.which("apt-get"):
        _system(machine, "build-essential")
    else:
        _system(machine, "gcc", "gcc-c++", "make")


def install_server(machine: Machine) -> str:
    """The server's own environment, where the machine has none of the Hub's."""
    if machine.server_version() == machine.wanted_version:
        if not os.path.exists(SERVER + "/bin/gitpuller"):
            lines = machine.plan["server"].splitlines()
            pulls = [e for e in lines if e.startswith("nbgitpuller")]
            machine.run(*machine.pip("install", SERVER), *pulls, root=True)
        return "this image has it"
    if sys.version_info >= (3, 10):
        python = "/usr/bin/python3"
    else:
        python = "3.12"
        machine.run(UV, "python", "install", python, root=True)
    machine.run(UV, "venv", "--clear", "--python", python, SERVER, root=True)
    lock = machine.plan["server"]
    machine.run(*machine.pip("sync", SERVER), "-", stdin=lock, root=True)
    return "%d packages" % len(lock.splitlines())


def make_env(machine: Machine) -> str:
    shutil.rmtree(machine.env, ignore_errors=True)
    if machine.plan["conda"]:
        return _make_conda_env(machine)
    wanted = machine.plan["python"]
    python = "/usr/bin/python" + wanted
    if not os.path.exists(python):
        python = wanted
        machine.run(UV, "python", "install", wanted, root=True)
    machine.run(UV, "venv", "--python", python, machine.env, root=True)
    # Packages run programs of theirs while they are built.
    machine.give(machine.env, ACCOUNT)
    return machine.run(machine.python, "--version").strip()


def _make_conda_env(machine: Machine) -> str:
    """What conda installs, without conda."""
    tool = HERE + "/rattler"
    machine.run(UV, "venv", "--python", sys.executable, tool, root=True)
    wanted = "py-rattler==" + machine.plan["rattler"]
    machine.run(*machine.pip("install", tool), wanted, root=True)
    os.makedirs(machine.env)
    machine.give(machine.env, ACCOUNT)
    given = json.dumps(machine.plan["conda"])
    cache = HERE + "/cache/conda"
    machine.run(tool + "/bin/python", "-c", CONDA, machine.env, cache, stdin=given)
    return "%d packages of conda" % len(machine.plan["conda"])


def install(machine: Machine) -> str:
    if not machine.plan["lock"]:
        return "none by pip"
    # pip leaves alone what conda has installed.
    command = machine.pip("install" if machine.plan["conda"] else "sync", machine.env)
    if machine.plan["as_of"]:
        command += ["--exclude-newer", machine.plan["as_of"]]
    lock = machine.plan["lock"]
    source = ("--no-deps", "-r", "-") if machine.plan["conda"] else ("-",)
    try:
        machine.run(*command, *source, stdin=lock)
    except Failed as e:
        # Most that have no wheel need no compiler, which takes a minute to install.
        if shutil.which("cc"):
            raise
        machine.say("told", "trying again with compilers, after: %s" % e)
        _install_compilers(machine)
        machine.run(*command, *source, stdin=lock)
    return "%d packages" % len(lock.splitlines())
