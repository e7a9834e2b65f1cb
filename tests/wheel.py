"""This repository as an index would have it."""

import shutil
import subprocess
import sys
from pathlib import Path

from .docs.configs import ROOT

PACKAGES = ("ec2spawner", "localec2")


def make_wheel(folder: Path) -> Path:
    """Build it in a folder, of nothing but what it is made of."""
    source, made = folder / "source", folder / "files"
    hidden = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=hidden)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    words = ["wheel", "--no-deps", "-q", "-w", str(made), str(source)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    [wheel] = made.iterdir()
    return wheel
