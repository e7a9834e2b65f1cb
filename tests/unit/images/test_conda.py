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
    read_pixi_lock,
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


# As pixi writes it.
PIXI_LOCK = """\
version: 6
environments:
  default:
    channels:
    - url: https://example.org/conda-forge/
    indexes:
    - https://example.org/simple
    packages:
      linux-64:
      - conda: https://example.org/conda-forge/linux-64/python-3.11.9-h955ad1f_0_cpython.conda
      - conda: https://example.org/conda-forge/noarch/six-1.16.0-pyh6c4a22f_0.tar.bz2
      - pypi: https://example.org/files/cowsay-6.1-py3-none-any.whl
packages:
- conda: https://example.org/conda-forge/linux-64/python-3.11.9-h955ad1f_0_cpython.conda
  sha256: 177f33a1fb8d3476b38f73c37b42f01c0b014fa0e039a701fd9f83d83aae6d40
  md5: d8f1b9e8a9c1a4b8b5d4a7c1e2f3a4b5
  depends: []
  license: Python-2.0
  size: 30884494
  timestamp: 1713553104915
- conda: https://example.org/conda-forge/noarch/six-1.16.0-pyh6c4a22f_0.tar.bz2
  sha256: a85c38227b446f42c5b90d9b642f2c0567880c15d72492d8da074a59c8f91dd6
  md5: e5f25f8dbc060e9a8d912e432202afc2
  depends:
  - python
  license: MIT
  noarch: python
  size: 14259
  timestamp: 1620240338595
- pypi: https://example.org/files/cowsay-6.1-py3-none-any.whl
  name: cowsay
  version: '6.1'
  sha256: 274b1e6fc1b966d53976333eb90ac94cb07a450a700b455af9fbdf882244b30a
"""  # noqa: E501


def test_a_lock_of_pixi_says_what_is_installed():
    asked = Conda(("conda-forge",), ("python 3.11.*", "six"))
    conda, pip = read_pixi_lock(PIXI_LOCK, asked, ("cowsay>=6",))
    assert [(p.name, p.version, p.noarch) for p in conda] == [
        ("python", "3.11.9", ""),
        ("six", "1.16.0", "python"),
    ]
    assert conda[0].url.endswith("linux-64/python-3.11.9-h955ad1f_0_cpython.conda")
    assert conda[0].sha256.startswith("177f33a1") and pip == ("cowsay==6.1",)


@pytest.mark.parametrize(
    "specs, pip, named",
    [
        (("python 3.12.*",), (), "older than its project, which asks for python 3.12"),
        (("gdal",), (), "which asks for gdal: run pixi lock, or give --ignore"),
        ((), ("cowsay>=7",), "which asks for cowsay>=7: run pixi lock"),
    ],
)
def test_a_lock_of_pixi_that_is_older_than_its_project_is_none(specs, pip, named):
    with pytest.raises(ImageError, match=named):
        read_pixi_lock(PIXI_LOCK, Conda((), specs), pip)


def test_a_lock_of_pixi_for_other_computers_or_that_is_none_is_told_so():
    with pytest.raises(ImageError, match="has nothing for linux-aarch64: run pixi"):
        read_pixi_lock(PIXI_LOCK, Conda(), (), "aarch64")
    with pytest.raises(ImageError, match=r"cannot be read \(.*\): run pixi lock"):
        read_pixi_lock("nothing", Conda(), ())
