"""Root file systems for booted machines: Debian with cloud-init and Jupyter.

A root is made once and kept, under a name that holds everything that goes into it:
who changes the recipe gets another root. Machines share it, read-only. Only root may
make or read one, since it holds programs that run with root's rights.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

#: overrides where roots are kept
FOLDER_VARIABLE = "EC2SPAWNER_ROOTS"

#: what must be installed here to make and boot roots: command -> Debian package
NEEDS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nft": "nftables",
    "unshare": "util-linux",
    "mount": "mount",
}

_PACKAGES = (
    # What Debian's cloud images have, as far as a machine of ours can tell.
    "systemd systemd-sysv dbus udev cloud-init python3 python3-venv ifupdown "
    "isc-dhcp-client iproute2 ca-certificates sudo procps kmod e2fsprogs"
).split()

_CLOUD_CONFIG = """\
# A small root lacks what these need.
locale: false
system_info:
  network:
    renderers: [eni, networkd, netplan]
"""

# Debian's and Ubuntu's initramfs mount /run like this, and a container has none
# (initramfs-tools, "init").
_RUN_AS_MOUNTED_BY_INITRAMFS = """\
[Unit]
Description=Mount options of /run as an initramfs sets them
DefaultDependencies=no
Before=sysinit.target

[Service]
Type=oneshot
ExecStart=/bin/mount -o remount,nosuid,nodev,noexec /run

[Install]
WantedBy=sysinit.target
"""


@dataclass(frozen=True)
class Recipe:
    """Everything that makes one root different from another."""

    suite: str = "bookworm"
    #: of the suite: for which wheels are fetched
    python: str = "3.11"
    packages: tuple[str, ...] = tuple(_PACKAGES)
    #: the versions that surround us, so that machines are like the Hub
    wheels: tuple[str, ...] = field(
        default_factory=lambda: tuple(
            f"{name}=={version(name)}" for name in ("jupyterhub", "jupyterlab")
        )
    )
    files: tuple[tuple[str, str], ...] = (
        ("etc/cloud/cloud.cfg.d/95_local.cfg", _CLOUD_CONFIG),
        ("etc/systemd/system/run-options.service", _RUN_AS_MOUNTED_BY_INITRAMFS),
    )
    links: tuple[tuple[str, str], ...] = (
        (
            "etc/systemd/system/sysinit.target.wants/run-options.service",
            "../run-options.service",
        ),
        # They need a network beyond the VPC.
        ("etc/systemd/system/apt-daily.timer", "/dev/null"),
        ("etc/systemd/system/apt-daily-upgrade.timer", "/dev/null"),
    )

    @property
    def name(self) -> str:
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.suite}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class CannotBoot(Exception):
    """This computer cannot boot machines; the text says what to do about it."""


def folder() -> Path:
    """Where roots are kept."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "ec2spawner" / "roots"


def check_needs() -> None:
    """:raises CannotBoot: when something is missing to make and boot roots"""
    if not sys.platform.startswith("linux"):
        raise CannotBoot("booted machines need Linux")
    missing = [package for name, package in NEEDS.items() if not _found(name)]
    if missing:
        raise CannotBoot(
            "booted machines need programs that are not installed here: "
            f"apt-get install --no-install-recommends {' '.join(missing)}"
        )
    if os.geteuid() != 0:
        raise CannotBoot("booted machines need root: start this as root, or by sudo")


def ready(recipe: Recipe | None = None) -> Path:
    """A root of this recipe; made first when there is none, which takes minutes.

    :raises CannotBoot: when this computer cannot, or when it does not work
    """
    check_needs()
    recipe = recipe or Recipe()
    root = folder() / recipe.name
    if any(char in str(root) for char in ":,\\"):
        raise CannotBoot(
            f"an overlay cannot use the path {root}: set {FOLDER_VARIABLE}"
        )
    if root.is_dir():
        return root
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with _lock(folder() / "lock"):
        if not root.is_dir():  # somebody else may have made it meanwhile
            _remove_unfinished()
            _make(recipe, root)
    return root


def _found(command: str) -> bool:
    # An ordinary user's PATH lacks the folders that root's has.
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return shutil.which(command, path=path) is not None


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_unfinished() -> None:
    """What a builder that was killed has left. We hold the lock: it is nobody's."""
    for left in folder().glob("*.unfinished"):
        shutil.rmtree(left, ignore_errors=True)


def _make(recipe: Recipe, root: Path) -> None:
    parent = Path(tempfile.mkdtemp(suffix=".unfinished", dir=folder()))
    try:
        made, wheels = parent / "root", parent / "wheels"
        _fetch_wheels(recipe, wheels)
        # mmdebstrap gives a chroot what programs in it need: /proc, /dev.
        hooks = [
            'mkdir "$1/tmp/wheels"',
            f"sync-in '{wheels}' /tmp/wheels",
            'chroot "$1" python3 -m venv /opt/jupyter',
            'chroot "$1" /opt/jupyter/bin/pip install --quiet --no-index '
            "--disable-pip-version-check --find-links /tmp/wheels "
            + " ".join(recipe.wheels),
            'rm -r "$1/tmp/wheels"',
        ]
        _run(
            "making the Debian root",
            "mmdebstrap",
            "--quiet",
            "--mode=root",
            "--variant=minbase",
            f"--include={','.join(recipe.packages)}",
            *(f"--customize-hook={hook}" for hook in hooks),
            recipe.suite,
            str(made),
        )
        for path, text in recipe.files:
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_text(text)
        for path, target in recipe.links:
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).symlink_to(target)
        # Each machine makes its own at its first boot, as machines of an AMI do.
        (made / "etc/machine-id").write_text("")
        for name in ("etc/hostname", "etc/resolv.conf"):
            (made / name).unlink(missing_ok=True)
        made.rename(root)
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def _fetch_wheels(recipe: Recipe, wheels: Path) -> None:
    """Download here, where pip is configured for the network that there is."""
    machine = os.uname().machine
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in (28, 17, 12, 5)]
    platforms += [f"manylinux{year}_{machine}" for year in (2014, 2010, 1)]
    abi = "cp" + recipe.python.replace(".", "")
    _run(
        "fetching Jupyter",
        sys.executable,
        *("-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--only-binary=:all:", "--dest", str(wheels)),
        *("--python-version", recipe.python, "--implementation", "cp"),
        *(part for name in (abi, "abi3", "none") for part in ("--abi", name)),
        *(part for name in (*platforms, "any") for part in ("--platform", name)),
        *recipe.wheels,
    )


def _run(what: str, *command: str) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-20:])
        raise CannotBoot(f"{what} failed: {command[0]} ended with:\n{last}")
