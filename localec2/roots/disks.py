"""Disks of QEMU machines: an image of a root that all share, and what differs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import roots
from .roots import CannotBoot, Tell

#: by which the kernel finds it, whatever its device is called
LABEL = "cloudimg-rootfs"
#: of the whole disk, most of which is a hole
_SIZE = "8G"


def image_of(root: Path, tell: Tell = lambda text: None) -> Path:
    """A disk image with what is in a root; made first when there is none.

    :raises CannotBoot: when it cannot be made
    """
    image = root.with_name(f"{root.name}.img")
    if image.is_file():
        return image
    with roots.locked():
        if not image.is_file():
            tell(f"making a disk image of {root.name}")
            unfinished = root.with_name(f"{root.name}.img.unfinished")
            done = subprocess.run(
                ["mke2fs", "-q", "-t", "ext4", "-L", LABEL]
                + ["-d", str(root), str(unfinished), _SIZE],
                env={"PATH": roots.search_path()},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                unfinished.unlink(missing_ok=True)
                raise CannotBoot(f"mke2fs: {done.stderr.strip()}")
            unfinished.rename(image)
    return image


def make_disk(disk: Path, base: Path, saved: tuple[Path, ...]) -> None:
    """A disk that begins as the newest of what was saved, or as the base image.

    :raises RuntimeError: with what qemu-img said
    """
    if saved:
        below = ["-b", str(saved[0] / disk.name), "-F", "qcow2"]
    else:
        below = ["-b", str(base), "-F", "raw"]
    # Under another name until it is whole: a half-made one would not boot.
    unfinished = disk.with_name(disk.name + ".new")
    _qemu_img("create", "-q", "-f", "qcow2", *below, str(unfinished))
    unfinished.rename(disk)


def _qemu_img(*arguments: str) -> None:
    done = subprocess.run(
        ["qemu-img", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"qemu-img: {done.stderr.strip()}")


def kernel_of(root: Path) -> tuple[Path, Path]:
    """Kernel and initramfs of a root: of the newest kernel in it.

    :raises CannotBoot: when it has none
    """
    kernels = sorted((root / "boot").glob("vmlinuz-*"))
    for kernel in reversed(kernels):
        initrd = kernel.with_name(kernel.name.replace("vmlinuz", "initrd.img"))
        if initrd.exists():
            return kernel, initrd
    raise CannotBoot(f"there is no kernel in {root} to boot by QEMU")
