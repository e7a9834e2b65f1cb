"""Root file systems for booted machines: Debian with cloud-init and Jupyter.

A root is made once and kept, under a name that holds everything that goes into it:
who changes the recipe gets another root. Machines share it, read-only. Only root may
make or read one, since it holds programs that run with root's rights.
"""

from __future__ import annotations

import collections
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from ..processes import marked
from .recipe import Keyring, Recipe

#: told what is being done
Tell = Callable[[str], None]

#: overrides where roots are kept
FOLDER_VARIABLE = "EC2SPAWNER_ROOTS"

_ALL_NEED = {
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "nft": "nftables",
    "unshare": "util-linux",
    "mount": "mount",
}
#: what must be installed here for machines of a kind: command -> Debian package
NEEDS = {
    "nspawn": {**_ALL_NEED, "systemd-nspawn": "systemd-container"},
    "qemu": {
        **_ALL_NEED,
        "qemu-system-x86_64": "qemu-system-x86",
        "qemu-img": "qemu-utils",
        "mke2fs": "e2fsprogs",
    },
}


class CannotBoot(Exception):
    """This computer cannot boot machines; the text says what to do about it."""


def folder() -> Path:
    """Where roots are kept."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "ec2spawner" / "roots"


def check_needs(kind: str = "nspawn") -> None:
    """:raises CannotBoot: when something is missing to make roots and boot them"""
    if not sys.platform.startswith("linux"):
        raise CannotBoot("booted machines need Linux")
    if kind == "qemu" and os.uname().machine != "x86_64":
        raise CannotBoot("QEMU machines need a computer with an x86_64 processor")
    missing = [package for name, package in NEEDS[kind].items() if not _found(name)]
    if missing:
        raise CannotBoot(
            "booted machines need programs that are not installed here: "
            f"apt-get install --no-install-recommends {' '.join(missing)}"
        )
    if os.geteuid() != 0:
        raise CannotBoot("booted machines need root: start this as root, or by sudo")
    if kind == "qemu" and not os.path.exists("/dev/net/tun"):
        raise CannotBoot("QEMU machines need /dev/net/tun: modprobe tun")


def ready(recipe: Recipe | None = None, tell: Tell = lambda text: None) -> Path:
    """A root of this recipe; made first when there is none, which takes minutes.

    :param tell: is told what is being done, when it takes long
    :raises CannotBoot: when this computer cannot, or when it does not work
    """
    recipe = recipe or Recipe()
    root = folder() / recipe.name
    if any(char in str(root) for char in ":,\\"):
        raise CannotBoot(
            f"an overlay cannot use the path {root}: set {FOLDER_VARIABLE}"
        )
    if root.is_dir():
        return root
    with locked():
        if not root.is_dir():  # somebody else may have made it meanwhile
            tell(f"making a root of {recipe.suite} in {root}, once: minutes")
            _make(recipe, root, tell)
    return root


def kept() -> list[Path]:
    """The roots that are ready to be used, oldest first."""
    try:
        found = [each for each in folder().iterdir() if each.is_dir()]
    except OSError:
        return []
    ready = [each for each in found if not each.name.endswith(".unfinished")]
    return sorted(ready, key=lambda each: (each.stat().st_mtime, each.name))


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Hold it to make something in the folder of roots: one builder at a time."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        # What a builder that was killed has left. We hold the lock: it is nobody's.
        for left in folder().glob("*.unfinished"):
            marked.remove_folder(str(left))
        yield


def search_path() -> str:
    """PATH with the folders that root's has and an ordinary user's lacks."""
    return os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


def _found(command: str) -> bool:
    return shutil.which(command, path=search_path()) is not None


def _make(recipe: Recipe, root: Path, tell: Tell) -> None:
    parent = Path(tempfile.mkdtemp(suffix=".unfinished", dir=folder()))
    try:
        made, wheels, files = parent / "root", parent / "wheels", parent / "files"
        tell("fetching Jupyter")
        _fetch_wheels(recipe, wheels)
        _write_files(recipe, files)
        pip = (
            'chroot "$1" /opt/jupyter/bin/pip install --quiet --no-index '
            "--disable-pip-version-check --find-links /tmp/wheels "
        )
        # mmdebstrap gives a chroot what programs in it need: /proc, /dev.
        hooks = [
            'mkdir "$1/tmp/wheels"',
            f"sync-in '{wheels}' /tmp/wheels",
            'chroot "$1" python3 -m venv /opt/jupyter',
            pip + " ".join(recipe.wheels),
            'rm -r "$1/tmp/wheels"',
            # Each machine makes its own at its first boot, as machines of an AMI do.
            ': > "$1/etc/machine-id"',
            'rm -f "$1/etc/hostname" "$1/etc/resolv.conf"',
            # Nothing in /usr is newer: systemd has nothing to update at the boot.
            'touch "$1/etc/.updated" "$1/var/.updated"',
        ]
        _run(
            "making the root",
            "mmdebstrap",
            "--mode=root",
            "--variant=minbase",
            f"--include={','.join(recipe.packages)}",
            # Before the packages, which read some of them when they are installed.
            f"--essential-hook=sync-in '{files}' /",
            *(f"--customize-hook={hook}" for hook in hooks),
            recipe.suite,
            str(made),
            *_sources(recipe, parent),
            tell=tell,
        )
        made.rename(root)
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def _write_files(recipe: Recipe, place: Path) -> None:
    place.mkdir(mode=0o755)
    for path, text in recipe.files:
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    for path, target in recipe.links:
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).symlink_to(target)


def _sources(recipe: Recipe, parent: Path) -> list[str]:
    """The lines that tell apt where packages come from, when it does not know."""
    if not recipe.mirror:
        return []
    options = ""
    if recipe.keyring is not None:
        options = f"[signed-by={_keyring(recipe.keyring, parent)}] "
    return [
        f"deb {options}{recipe.mirror} {suite} {recipe.components}"
        for suite in (recipe.suite, f"{recipe.suite}-updates")
    ]


def _keyring(keyring: Keyring, parent: Path) -> Path:
    package = parent / "keyring.deb"
    try:
        with urllib.request.urlopen(keyring.url, timeout=60) as answer:
            package.write_bytes(answer.read())
    except OSError as error:
        raise CannotBoot(f"{keyring.url} cannot be fetched: {error}") from error
    found = hashlib.sha256(package.read_bytes()).hexdigest()
    if found != keyring.sha256:
        raise CannotBoot(f"{keyring.url} is not what it was: its SHA-256 is {found}")
    _run("unpacking keys", "dpkg-deb", "-x", str(package), str(parent / "keyring"))
    return parent / "keyring" / keyring.path


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


def _run(what: str, *command: str, tell: Tell = lambda text: None) -> None:
    last: collections.deque[str] = collections.deque(maxlen=20)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last.append(line.rstrip())
            # The steps of mmdebstrap, but not our commands among them.
            if line.startswith("I: ") and "hook" not in line:
                tell(line[3:].rstrip(".\n"))
    if process.returncode:
        said = "\n".join(last)
        raise CannotBoot(f"{what} failed: {command[0]} ended with:\n{said}")
