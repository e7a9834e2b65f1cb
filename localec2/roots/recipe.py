"""What roots for booted machines are made of."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

_PACKAGES = (
    # What the distributions' cloud images have, as far as a machine of ours can tell.
    "systemd systemd-sysv dbus udev cloud-init python3 python3-venv ifupdown "
    "iproute2 ca-certificates sudo procps kmod e2fsprogs"
).split()

# QEMU machines need one; containers use this computer's.
_DEBIAN_KERNEL: tuple[str, ...] = ()
_UBUNTU_KERNEL: tuple[str, ...] = ()
if os.uname().machine == "x86_64":
    _DEBIAN_KERNEL = ("linux-image-cloud-amd64", "initramfs-tools")
    _UBUNTU_KERNEL = ("linux-image-virtual", "initramfs-tools")

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

# A small initramfs is unpacked sooner by an emulated processor.
_INITRAMFS = "MODULES=list\n"
_INITRAMFS_MODULES = "nvme\nvirtio_pci\next4\n"

# They need a network beyond the VPC, or look after disks that nobody keeps.
_MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
)


@dataclass(frozen=True)
class Keyring:
    """Keys of a distribution that are not installed here: a package that has them."""

    url: str
    sha256: str
    #: the file in the package
    path: str


@dataclass(frozen=True)
class Recipe:
    """Everything that makes one root different from another."""

    suite: str = "bookworm"
    #: of the suite: for which wheels are fetched
    python: str = "3.11"
    packages: tuple[str, ...] = (*_PACKAGES, "isc-dhcp-client", *_DEBIAN_KERNEL)
    #: where packages come from; empty for what mmdebstrap takes for the suite
    mirror: str = ""
    components: str = "main"
    keyring: Keyring | None = None
    #: the versions that surround us, so that machines are like the Hub. Of jsonschema,
    #: too: what it imports is half of a server's start (``pyproject.toml``).
    wheels: tuple[str, ...] = field(
        default_factory=lambda: tuple(
            f"{name}=={version(name)}"
            for name in ("jupyterhub", "jupyterlab", "jsonschema")
        )
    )
    files: tuple[tuple[str, str], ...] = (
        ("etc/cloud/cloud.cfg.d/95_local.cfg", _CLOUD_CONFIG),
        ("etc/systemd/system/run-options.service", _RUN_AS_MOUNTED_BY_INITRAMFS),
        # As every AMI has it: programs that serve users are asked by that name.
        ("etc/hosts", "127.0.0.1 localhost\n"),
        ("etc/initramfs-tools/conf.d/ec2spawner", _INITRAMFS),
        ("usr/share/initramfs-tools/modules.d/ec2spawner", _INITRAMFS_MODULES),
    )
    links: tuple[tuple[str, str], ...] = (
        (
            "etc/systemd/system/sysinit.target.wants/run-options.service",
            "../run-options.service",
        ),
        *((f"etc/systemd/system/{unit}", "/dev/null") for unit in _MASKED),
    )

    @property
    def name(self) -> str:
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.suite}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


#: what each of `settings.SUITES` has of its own
DIFFERENCES: dict[str, dict[str, Any]] = {
    "bookworm": {},
    "trixie": {
        "python": "3.13",
        "packages": (*_PACKAGES, "dhcpcd-base", *_DEBIAN_KERNEL),
    },
    "noble": {
        "python": "3.12",
        "packages": (*_PACKAGES, "dhcpcd-base", "libstdc++6", *_UBUNTU_KERNEL),
        "mirror": "http://archive.ubuntu.com/ubuntu",
        "components": "main universe",
        # The keys in it are those that Ubuntu publishes, among them
        # F6EC B376 2474 EDA9 D21B 7022 8719 20D1 991B C93C.
        "keyring": Keyring(
            "http://archive.ubuntu.com/ubuntu/pool/main/u/ubuntu-keyring/"
            "ubuntu-keyring_2023.11.28.1_all.deb",
            "36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8",
            "usr/share/keyrings/ubuntu-archive-keyring.gpg",
        ),
    },
}


def recipe_for(suite: str) -> Recipe:
    """The recipe for one of `settings.SUITES`."""
    return Recipe(suite=suite, **DIFFERENCES[suite])
