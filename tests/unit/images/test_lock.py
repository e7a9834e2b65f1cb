"""The lock, by the real uv, from an index that the test makes."""

import hashlib
import io
import zipfile

import pytest

from ec2spawner.images.errors import ImageError
from ec2spawner.images.index import Indexes
from ec2spawner.images.lock import Lock, _reasons, export, solve
from ec2spawner.images.requirements import Requirements


def wheel(name, version, *needs, python=""):
    """The smallest wheel: (name, bytes)."""
    made, info = io.BytesIO(), f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {each}" for each in needs]
    lines += [f"Requires-Python: {python}"] * bool(python)
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}\n")
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tag)
        archive.writestr(f"{info}/RECORD", "")
    return f"{name}-{version}-py3-none-any.whl", made.getvalue()


def make_index(folder, *wheels):
    """A package index that is a folder."""
    for file, content in wheels:
        place = folder / file.split("-")[0].replace("_", "-")
        place.mkdir(exist_ok=True)
        (place / file).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        with (place / "index.html").open("a") as page:
            page.write(f'<a href="{file}#sha256={digest}">{file}</a>\n')
    return Indexes(folder.as_uri())


@pytest.fixture
def indexes(tmp_path):
    return make_index(
        tmp_path,
        wheel("ipykernel", "6.0", "traitlets"),
        wheel("ipykernel", "7.0", "traitlets>=5", python=">=3.10"),
        wheel("traitlets", "4.3"),
        wheel("traitlets", "5.9"),
        wheel("old", "1.0", "traitlets<5"),
        wheel("older", "1.0", "traitlets<4"),
    )


def test_all_that_is_needed_has_a_version_and_so_has_the_kernel(indexes):
    lock = solve(Requirements(("old==1.0",)), "3.8", indexes)
    assert lock == Lock(("ipykernel==6.0", "old==1.0", "traitlets==4.3"))
    assert lock.versions == {"ipykernel": "6.0", "old": "1.0", "traitlets": "4.3"}
    newer = solve(Requirements(constraints=("traitlets<5.9.1",)), "3.12", indexes)
    assert newer.lines == ("ipykernel==7.0", "traitlets==5.9")


@pytest.mark.parametrize(
    "lines, named",
    [
        (("old==1.0", "traitlets==5.9"), ("old==1.0", "traitlets==5.9")),
        (("older",), ("older", "traitlets<4")),
        (("nothing==1",), ("nothing",)),
    ],
)
def test_what_does_not_go_together_is_named_and_costs_nothing(indexes, lines, named):
    with pytest.raises(ImageError) as caught:
        solve(Requirements(lines), "3.8", indexes)
    text = str(caught.value)
    assert text.startswith("no versions of the packages go together: ")
    assert all(each in text for each in named), text
    assert text.endswith(". Change one of them") and "×" not in text


PROJECT = """\
[project]
name = "hydro"
version = "0"
requires-python = ">=3.10"
dependencies = ["old"]
"""
REGISTRY = '{ registry = "https://example.org/simple" }'
UV_LOCK = f"""\
version = 1
revision = 3
requires-python = ">=3.10"
resolution-markers = ["python_full_version >= '3.12'", "python_full_version < '3.12'"]

[[package]]
name = "hydro"
version = "0"
source = {{ virtual = "." }}
dependencies = [{{ name = "old" }}]
[package.metadata]
requires-dist = [{{ name = "old" }}]

[[package]]
name = "old"
version = "1.0"
source = {REGISTRY}
dependencies = [
  {{ name = "traitlets", version = "4.2", source = {REGISTRY}, marker = "python_full_version < '3.12'" }},
  {{ name = "traitlets", version = "4.3", source = {REGISTRY}, marker = "python_full_version >= '3.12'" }},
]
sdist = {{ url = "https://example.org/old-1.0.tar.gz", hash = "sha256:{"0" * 64}" }}

[[package]]
name = "traitlets"
version = "4.2"
source = {REGISTRY}
resolution-markers = ["python_full_version < '3.12'"]
sdist = {{ url = "https://example.org/traitlets-4.2.tar.gz", hash = "sha256:{"0" * 64}" }}

[[package]]
name = "traitlets"
version = "4.3"
source = {REGISTRY}
resolution-markers = ["python_full_version >= '3.12'"]
sdist = {{ url = "https://example.org/traitlets-4.3.tar.gz", hash = "sha256:{"0" * 64}" }}
"""  # noqa: E501


def test_a_projects_own_lock_is_obeyed_on_each_python(indexes, tmp_path):
    make_index(tmp_path, wheel("traitlets", "4.2"), wheel("old", "1.1"))
    limits = export(PROJECT, UV_LOCK)
    assert (
        "old==1.0" in limits
        and "traitlets==4.2 ; python_full_version < '3.12'" in limits
    )
    wanted = Requirements(("old",), limits)
    for python, traitlets in (("3.11", "4.2"), ("3.12", "4.3")):
        lock = solve(wanted, python, indexes)
        assert lock.lines == ("ipykernel==6.0", "old==1.0", f"traitlets=={traitlets}")
    with pytest.raises(ImageError, match="run uv lock anew, or give --ignore uv.lock"):
        export(PROJECT, "version = 99")


def test_the_solvers_words_become_one_paragraph():
    said = "  × No solution found when resolving dependencies:\n  ╰─▶ Because a\n b.\n"
    assert _reasons(said) == "Because a b"
    assert _reasons("error: no such host") == "no such host"
