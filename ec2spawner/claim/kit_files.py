"""The kit: what shows people in Jupyter what they are told of their machine.

A server extension, a prebuilt extension of JupyterLab and a few lines of configuration,
as they are in the folder ``kit``. They come to a machine with its orders, and need
nothing of its image but Jupyter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_KIT = Path(__file__).parent / "kit"
_SUFFIXES = {".py", ".js", ".json"}
_LAB = "labextensions/ec2spawner/"
_ENTRY = "static/remoteEntry.js"


@cache
def kit_files() -> Mapping[str, str]:
    """The kit's files, as they travel: path below its folder -> text."""
    found = {
        path.relative_to(_KIT).as_posix(): path.read_text()
        for path in sorted(_KIT.rglob("*"))
        if path.suffix in _SUFFIXES
    }
    entry = found.pop(_LAB + _ENTRY)
    # Browsers keep it for long: another one has another name.
    digest = hashlib.sha256(entry.encode()).hexdigest()[:8]
    named = f"static/remoteEntry.{digest}.js"
    package = json.loads(found[_LAB + "package.json"])
    package["jupyterlab"]["_build"]["load"] = named
    made = {_LAB + named: entry, _LAB + "package.json": json.dumps(package)}
    return {**found, **made}
