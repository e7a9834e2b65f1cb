"""Which files of a repository count, and what is said of the others."""

import pytest

from ec2spawner.images.errors import ImageError
from ec2spawner.images.pyproject import addresses_in
from ec2spawner.images.recipe import Conda, read_recipe

ENVIRONMENT = """\
name: lab
channels: [conda-forge, defaults]
dependencies:
  - python=3.8
  - numpy 1.18.*
  - pip:
    - pydotplus==2.0.2
"""


def test_requirements_in_a_usual_folder_one_level_down_are_found_and_it_is_said():
    recipe = read_recipe({"environment/requirements.txt": "numpy==1.18.1\n"})
    assert recipe.used == ("environment/requirements.txt",)
    assert recipe.pip.lines == ("numpy==1.18.1",)
    assert recipe.notes == ("requirements.txt was found in environment/",)


def test_both_files_of_a_place_are_installed():
    files = {"environment.yml": ENVIRONMENT, "requirements.txt": "pandas\n"}
    recipe = read_recipe(files)
    assert recipe.used == ("environment.yml", "requirements.txt")
    specs = ("python=3.8", "numpy 1.18.*")
    assert recipe.conda == Conda(("conda-forge", "defaults"), specs)
    assert recipe.pip.lines == ("pydotplus==2.0.2", "pandas")
    assert recipe.python == "==3.8.*"


def test_a_binder_folder_hides_the_roots_files_and_it_is_said():
    files = {"binder/requirements.txt": "a\n", "requirements.txt": "b\n"}
    recipe = read_recipe(files)
    assert recipe.pip.lines == ("a",)
    assert recipe.notes == ("requirements.txt is ignored: binder/ counts",)


def test_a_folder_that_is_named_counts_alone():
    files = {"a/requirements.txt": "x\n", "requirements.txt": "b\n"}
    assert read_recipe(files, subdir="a").pip.lines == ("x",)


def test_what_is_beside_counts_too():
    recipe = read_recipe(
        {
            "requirements.txt": "a\n",
            "apt.txt": "graphviz  # draws\nlibgdal-dev\n",
            "postBuild": "jupyter lab build\n",
            "runtime.txt": "python-3.9\n",
            "setup.py": "...",
        }
    )
    assert recipe.apt == ("graphviz", "libgdal-dev")
    assert recipe.post_build == "#!/bin/bash\njupyter lab build\n"
    assert recipe.python == "==3.9.*"
    assert recipe.notes == ("setup.py is ignored",)


def test_a_project_counts_where_nothing_else_does_at_the_versions_of_its_lock():
    project = '[project]\ndependencies = ["xarray"]\nrequires-python = ">=3.10"\n'
    lock = """
[[package]]
name = "xarray"
version = "2025.1.0"
source = { registry = "an index" }

[[package]]
name = "numpy"
version = "1.0"
source = { registry = "an index" }

[[package]]
name = "numpy"
version = "2.0"
source = { registry = "an index" }

[[package]]
name = "lab"
version = "0"
source = { virtual = "." }
metadata.requires-dist = [
    { name = "xarray" }, { name = "own", git = "https://example.org/own" }
]
"""
    recipe = read_recipe({"pyproject.toml": project, "uv.lock": lock})
    assert recipe.uv == (project, lock)
    assert addresses_in(lock) == []
    more = '[[package]]\nname = "a"\nsource = { git = "https://example.org/a" }'
    assert addresses_in(lock + more) == ["https://example.org/a"]
    # A lock that says something else than what is asked for now is no lock of it.
    for old, new, named in (
        ('"xarray"', '"xarray>=2026"', "xarray>=2026"),
        ('"xarray"', '"xarray", "zarr"', "zarr"),
        ("3.10", "3.12", "Python >=3.12"),
    ):
        newer = project.replace(old, new)
        files = {
            "pyproject.toml": newer,
            "uv.lock": 'requires-python = ">=3.10"' + lock,
        }
        with pytest.raises(
            ImageError, match=f"older than .*, which asks for {named}: r"
        ):
            read_recipe(files)
        assert read_recipe(files, ignored=("uv.lock",)).uv is None
    assert read_recipe(
        {"pyproject.toml": project.replace('"xa', '"own", "xa'), "uv.lock": lock}
    ).uv
    assert recipe.used == ("pyproject.toml", "uv.lock")
    assert recipe.pip.lines == ("xarray",)
    assert recipe.pip.constraints == ("xarray==2025.1.0",)
    assert recipe.python == ">=3.10"
    both = read_recipe({"pyproject.toml": project, "requirements.txt": "a\n"})
    assert both.pip.lines == ("a",)
    assert both.notes == ("pyproject.toml is ignored",)


PIXI = """\
[workspace]
channels = ["conda-forge"]
platforms = ["linux-64"]
[dependencies]
python = "3.11.*"
six = "*"
[target.linux-64.dependencies]
gdal = { version = ">=3" }
[target.win-64.dependencies]
pywin32 = "*"
[pypi-dependencies]
cowsay = ">=6"
hydro = { path = ".", editable = true }
"""


def test_a_lock_of_pixi_counts_before_all_others_with_its_project():
    files = {"pixi.toml": PIXI, "pixi.lock": "version: 6", "apt.txt": "tree"}
    recipe = read_recipe({**files, "environment.yml": ENVIRONMENT})
    assert recipe.used == ("pixi.toml", "pixi.lock", "apt.txt")
    assert recipe.notes == ("environment.yml is ignored",)
    wanted = ("python 3.11.*", "six", "gdal >=3")
    assert recipe.conda == Conda(("conda-forge",), wanted)
    assert recipe.pip.lines == ("cowsay>=6",) and recipe.pixi == "version: 6"
    own = (
        PIXI.replace("[", "[tool.pixi.")
        .replace('["', '["')
        .replace('[tool.pixi."', '["')
    )
    own = '[project]\nname = "a"\ndependencies = ["zarr"]\n' + own
    other = read_recipe({"pyproject.toml": own, "pixi.lock": "version: 6"})
    assert other.conda == recipe.conda and other.pip.lines == ("zarr", "cowsay>=6")
    with pytest.raises(ImageError, match="pixi.lock has no pixi.toml beside it: add"):
        read_recipe({"pixi.lock": "version: 6"})


@pytest.mark.parametrize(
    "name",
    ["Dockerfile", "install.R", "DESCRIPTION", "Project.toml", "default.nix"]
    + ["pixi.toml", "conda-lock.yml", "Pipfile"],
)
def test_what_no_image_is_made_of_is_refused_by_name(name):
    with pytest.raises(ImageError, match=rf"{name} is .*write an environment\.yml"):
        read_recipe({name: ""})
    both = {name: "", "requirements.txt": "a\n"}
    with pytest.raises(ImageError, match=f"give --ignore {name}"):
        read_recipe(both)
    assert read_recipe(both, ignored=(name,)).pip.lines == ("a",)


@pytest.mark.parametrize(
    "files, complaint",
    [
        ({}, "there is no environment.yml, requirements.txt or pyproject.toml in the"),
        (
            {"env/requirements.txt": "", "conda/environment.yml": ""},
            "environment files are in env, conda: say with --subdir",
        ),
        ({"docs/requirements.txt": ""}, "--subdir: docs/requirements.txt"),
        ({"environment.yml": "a: ["}, "environment.yml is no YAML"),
        ({"environment.yml": "name: a"}, "has no list of dependencies"),
        ({"environment.yml": "dependencies: [{npm: a}]"}, "is no package"),
        ({"requirements.txt": "a b"}, "'a b' names no package"),
        ({"requirements.txt": "-r b.txt"}, "requirements.txt names b.txt, which is"),
        (
            {"requirements.txt": "-r b.txt", "b.txt": "-rrequirements.txt"},
            "requirements.txt includes itself",
        ),
        ({"requirements.txt": "", "apt.txt": "a; rm -rf /"}, "';' is no name|'a;' is"),
        ({"requirements.txt": "", "apt.txt": "-o=x"}, "'-o=x' is no name"),
        ({"requirements.txt": "", "runtime.txt": "r-4.1"}, "asks for R"),
        ({"requirements.txt": "", ".python-version": "pypy"}, "is no Python"),
        ({"pyproject.toml": "[tool.black]"}, r"no \[project\] table"),
        ({"pyproject.toml": "a ="}, "is no TOML"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_what_to_do(files, complaint):
    with pytest.raises(ImageError, match=complaint):
        read_recipe(files)


@pytest.mark.parametrize(
    "spec, python",
    [
        ("python", ""),
        ("python 3.8", "==3.8.*"),
        ("python=3.8.10", "==3.8.*"),
        ("python==3.9.*", "==3.9.*"),
        ("python>=3.8,<3.10", "<3.10,>=3.8"),
        ("python-dateutil=2.8", ""),
    ],
)
def test_which_python_conda_is_asked_for(spec, python):
    text = f"dependencies: ['{spec}']"
    assert read_recipe({"environment.yml": text}).python == python
