"""environment.yml, by the real py-rattler, on a channel that the test makes."""

import asyncio
import hashlib
import io
import json
import subprocess
import sys
import tarfile

import pytest

from ec2spawner.images.builds.machine.steps import CONDA
from ec2spawner.images.conda import (
    as_constraints,
    names_of_conda,
    python_of,
    solve_conda,
)
from ec2spawner.images.errors import ImageError
from ec2spawner.images.recipe import Conda

rattler_index = pytest.importorskip("rattler.index")


def make_package(channel, name, version, *needs, subdir="linux-64", files=None):
    """The smallest package of conda."""
    files = files or {f"share/{name}.txt": version}
    index = dict(name=name, version=version, build="0", build_number=0, subdir=subdir)
    members = {"info/about.json": "{}", "info/files": "\n".join(files) + "\n"}
    if subdir == "noarch":
        index["noarch"] = "python"
        link = {"noarch": {"type": "python"}, "package_metadata_version": 1}
        members["info/link.json"] = json.dumps(link)
    paths = [
        {
            "_path": path,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "size_in_bytes": len(text),
        }
        for path, text in files.items()
    ]
    members["info/index.json"] = json.dumps({**index, "depends": list(needs)})
    members["info/paths.json"] = json.dumps({"paths_version": 1, "paths": paths})
    (channel / subdir).mkdir(parents=True, exist_ok=True)
    with tarfile.open(channel / subdir / f"{name}-{version}-0.tar.bz2", "w:bz2") as tar:
        for path, text in {**members, **files}.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(text.encode()), 0o755
            tar.addfile(info, io.BytesIO(text.encode()))


@pytest.fixture(scope="module")
def channel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("channel")
    for version in ("3.8.10", "3.12.1"):
        program = {f"bin/python{version.rpartition('.')[0]}": "#!/bin/sh\n"}
        make_package(folder, "python", version, files=program)
    make_package(folder, "numpy", "1.18.1", "python >=3.8,<3.9.0a0", "__glibc >=2.17")
    make_package(folder, "numpy", "2.0.0", "python >=3.12,<3.13.0a0")
    make_package(folder, "needs-cuda", "1", "__cuda")
    kernel = {"site-packages/ipykernel.py": "version = 6\n"}
    make_package(
        folder, "ipykernel", "6.0", "python >=3.8", subdir="noarch", files=kernel
    )
    asyncio.run(rattler_index.index_fs(folder))
    return folder.as_uri()


def solved(channel, *specs, python=""):
    found = solve_conda(Conda((channel,), specs), python)
    return {each.name: each.version for each in found}, found


def test_the_packages_go_together_and_so_does_the_kernel(channel):
    versions, found = solved(channel, "numpy=1.18")
    assert versions == {"ipykernel": "6.0", "numpy": "1.18.1", "python": "3.8.10"}
    assert python_of(found) == 8
    assert as_constraints(found) == ("ipykernel==6.0", "numpy==1.18.1")
    newest, _ = solved(channel, "numpy", "python")
    assert newest["numpy"] == "2.0.0"
    asked, _ = solved(channel, "numpy", python="==3.8.*")
    assert asked["numpy"] == "1.18.1"


@pytest.mark.parametrize(
    "specs, named",
    [
        (("numpy=3",), "numpy 3"),
        (("numpy=2.0", "python=3.8"), "numpy 2.0.*"),
        (("nothing",), "nothing"),
        # Of the machine that will run it, not of this one.
        (("needs-cuda",), "__cuda"),
    ],
)
def test_what_does_not_go_together_is_named(channel, specs, named):
    with pytest.raises(ImageError) as caught:
        solved(channel, *specs)
    assert named in str(caught.value) and "\n" not in str(caught.value)


def test_names_are_those_of_python(channel):
    asked = Conda((), ("python=3.8", "conda-forge::scikit_learn >=1", "gdal[a=b]"))
    assert names_of_conda(asked) == ("scikit-learn", "gdal")
    assert names_of_conda(None) == ()


def test_the_builder_installs_just_these(channel, tmp_path):
    _, found = solved(channel, "numpy=1.18")
    given = json.dumps([each.for_builder for each in found])
    env = tmp_path / "env"
    done = subprocess.run(
        [sys.executable, "-c", CONDA, str(env), str(tmp_path / "cache")],
        input=given,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (env / "share" / "numpy.txt").read_text() == "1.18.1"
    # Of any processor and any Python, and put where this one looks.
    installed = env / "lib" / "python3.8" / "site-packages" / "ipykernel.py"
    assert installed.read_text() == "version = 6\n"
