"""A channel of conda, made of packages of this computer's own package index.

Its Python is the machine's own, in a folder that says so: what else there is, packages
of Python with their compiled parts, is as conda installs it.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import rattler.index
import yaml
from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

PYTHON = "3.11"


def make_channel(folder: Path, *names: str) -> None:
    """With these distributions and all that they need, at their newest."""
    wheels = folder / "wheels"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--dest", wheels),
            *("--only-binary=:all:", f"--python-version={PYTHON}"),
            *(f"--platform=manylinux_2_{n}_x86_64" for n in (28, 17, 12)),
            *("--platform=manylinux2014_x86_64", *names),
        ],
        check=True,
    )
    place = folder / "linux-64"
    place.mkdir()
    python = {
        "bin/python": ("link", f"python{PYTHON}"),
        f"bin/python{PYTHON}": ("link", f"/usr/bin/python{PYTHON}"),
        # As a virtual environment's: its packages are found below this folder.
        "pyvenv.cfg": ("text", b"home = /usr/bin\n"),
    }
    _write(place, "python", f"{PYTHON}.2", [], python)
    for wheel in sorted(wheels.iterdir()):
        _repack(place, wheel)
    asyncio.run(rattler.index.index_fs(folder))


def pixi_lock(folder: Path, url: str) -> str:
    """All that is on the channel, as pixi would lock it."""
    listed, told = [], []
    repodata = json.loads((folder / "linux-64" / "repodata.json").read_text())
    for name, record in {
        **repodata["packages"],
        **repodata.get("packages.conda", {}),
    }.items():
        listed.append({"conda": f"{url}/linux-64/{name}"})
        kept = {key: record[key] for key in ("sha256", "depends")}
        told.append({**listed[-1], **kept})
    usual = {"channels": [{"url": f"{url}/"}], "packages": {"linux-64": listed}}
    lock = {"version": 6, "environments": {"default": usual}, "packages": told}
    return yaml.safe_dump(lock, sort_keys=False)


def _repack(place: Path, wheel: Path) -> None:
    name, version = parse_wheel_filename(wheel.name)[:2]
    files: dict[str, tuple[str, bytes | str]] = {}
    with zipfile.ZipFile(wheel) as archive:
        for each in archive.infolist():
            if each.is_dir():
                continue
            where = f"lib/python{PYTHON}/site-packages/{each.filename}"
            data, _, inside = each.filename.partition("/")
            if data.endswith(".data"):
                kind, _, rest = inside.partition("/")
                if kind not in ("purelib", "platlib", "data"):
                    continue
                lib = f"lib/python{PYTHON}/site-packages/"
                where = rest if kind == "data" else lib + rest
            files[where] = ("text", archive.read(each))
        found = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata, _ = parse_email(archive.read(found))
    needs = [f"python {PYTHON}.*"]
    for text in metadata.get("requires_dist", []):
        wanted = Requirement(text)
        machine = {"python_version": PYTHON, "sys_platform": "linux", "extra": ""}
        machine |= {"platform_system": "Linux", "implementation_name": "cpython"}
        machine |= {"platform_python_implementation": "CPython"}
        if wanted.marker is None or wanted.marker.evaluate(machine):
            needs.append(canonicalize_name(wanted.name))
    _write(place, canonicalize_name(name), str(version), needs, files)


def _write(
    place: Path,
    name: str,
    version: str,
    needs: list[str],
    files: dict[str, tuple[str, bytes | str]],
) -> None:
    """A package, as conda lays it out."""
    index = dict(name=name, version=version, build="0", build_number=0)
    index |= {"subdir": "linux-64", "depends": needs}
    paths = []
    with tarfile.open(place / f"{name}-{version}-0.tar.bz2", "w:bz2") as tar:
        for path, (kind, content) in files.items():
            info = tarfile.TarInfo(path)
            info.mode = 0o755
            entry = {"_path": path, "path_type": "hardlink"}
            if kind == "link":
                info.type, info.linkname = tarfile.SYMTYPE, str(content)
                entry["path_type"] = "softlink"
                tar.addfile(info)
            else:
                assert isinstance(content, bytes)
                info.size = len(content)
                entry["sha256"] = hashlib.sha256(content).hexdigest()
                tar.addfile(info, io.BytesIO(content))
            paths.append({**entry, "size_in_bytes": info.size})
        about = {"paths_version": 1, "paths": paths}
        for path, text in {
            "info/index.json": json.dumps(index),
            "info/paths.json": json.dumps(about),
            "info/files": "".join(f"{each}\n" for each in files),
            "info/about.json": "{}",
        }.items():
            info = tarfile.TarInfo(path)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
