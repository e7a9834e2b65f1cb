"""All that is known of an image before it costs anything."""

import functools
import http.server
import random
import threading
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from ec2spawner.core.tags import COMMIT_TAG, KEY_TAG, PACKAGES_TAG, PYTHON_TAG
from ec2spawner.ec2.facts import Image
from ec2spawner.images import lock
from ec2spawner.images import plan as plan_module
from ec2spawner.images import solved
from ec2spawner.images.builds.user_data import builder_user_data
from ec2spawner.images.errors import ImageError
from ec2spawner.images.index import Indexes
from ec2spawner.images.lock import uv_version
from ec2spawner.images.plan import Wishes, make_plan
from ec2spawner.images.source import Source

from .test_lock import make_index, wheel

BASE = Image("ami-base", "/dev/xvda", "x86_64")
COMMIT = "ba4912632b43a4bda3e08f996401f6e0d7d30cbd"
SOURCE = Source(
    "hydro",
    "https://example.org/hydro",
    COMMIT,
    "2020-05-16T23:53:40-07:00",
    {"environment/requirements.txt": "fast==1.0\nplain\n"},
    {"run.py": "import fast, spotpy"},
)


class Served(Indexes):
    """An index of this computer, by http."""

    @property
    def folder(self) -> Path:
        return FOLDERS[self.first]


#: of each index that is served
FOLDERS: dict[str, Path] = {}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    """An index that machines could reach."""
    folder = tmp_path_factory.mktemp("index")
    _, content = wheel("fast", "1.0")
    fast = "fast-1.0-cp39-cp39-manylinux2014_x86_64.whl"
    uv = f"uv-{uv_version()}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    make_index(
        folder,
        (fast, content),
        wheel("plain", "2.0"),
        wheel("ipykernel", "6.0"),
        wheel("jupyterhub", version("jupyterhub"), "forked; python_version < '3.11'"),
        wheel("jupyterhub", "99.0"),
        wheel("jupyterlab", version("jupyterlab")),
        *(wheel("jsonschema", "4.24"), wheel("nbgitpuller", "1.2")),
        wheel("forked", "1.0"),
        (uv, b""),
        (f"uv-{uv_version()}-py3-none-musllinux_1_1_x86_64.whl", b""),
    )
    serve = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        FOLDERS[url] = folder
        yield Served(url)
        server.shutdown()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The server's lock is solved once for all tests that want the same."""
    monkeypatch.setattr(solved, "solve_server", SOLVED_ONCE)


SOLVED_ONCE = functools.cache(lambda *asked: lock.solve_server(*asked))


def plan_of(indexes, source=SOURCE, base=BASE, **wishes):
    return make_plan(source, "lab-hub", base, indexes, Wishes(**wishes))


def test_the_plan_has_recipe_python_lock_and_key(indexes):
    plan = plan_of(indexes)
    assert plan.recipe.notes == ("requirements.txt was found in environment/",)
    assert plan.choice.python == "3.9"
    assert plan.lock.lines == ("fast==1.0", "ipykernel==6.0", "plain==2.0")
    assert plan.description == "hydro @ ba49126 (2020-05-16), Python 3.9, 3 packages"
    assert plan.contents.image_name == f"ec2spawner/hydro/{plan.contents.key[:12]}"
    assert plan.display_name == "hydro (Python 3.9)"
    tags = plan.tags
    assert (tags[PYTHON_TAG], tags[PACKAGES_TAG], tags[COMMIT_TAG]) == (
        *("3.9", "3"),
        COMMIT,
    )
    assert tags[KEY_TAG] == plan.contents.key


def test_the_builder_is_told_all_that_it_needs(indexes):
    plan = plan_of(indexes)
    told = plan.for_builder
    assert told["lock"] == "fast==1.0\nipykernel==6.0\nplain==2.0\n"
    assert told["indexes"] == list(indexes.all)
    assert "manylinux" in told["uv"]["url"] and len(told["uv"]["sha256"]) == 64
    assert told["declared"] == ["fast", "plain"]
    assert told["imports"] == {"fast": "run.py", "spotpy": "run.py"}
    server = told["server"].splitlines()
    assert f"jupyterhub=={told['hub']}" in server and "jsonschema==4.24" in server
    assert "forked==1.0 ; python_full_version < '3.11'" in server
    assert builder_user_data(told)


def test_a_commit_that_changes_no_package_is_the_same_image(indexes):
    first = plan_of(indexes).contents.key
    later = replace(SOURCE, commit="f" * 40, code={"run.py": "import other"})
    assert plan_of(indexes, later).contents.key == first
    pinned = {"requirements.txt": "fast==1.0\nplain==2.0\n"}
    assert plan_of(indexes, replace(SOURCE, files=pinned)).contents.key == first
    others = [
        plan_of(indexes, name="other"),
        plan_of(indexes, base=replace(BASE, id="ami-other")),
        plan_of(indexes, replace(SOURCE, files={"requirements.txt": "fast==1.0"})),
        plan_of(
            indexes,
            replace(SOURCE, files={**SOURCE.files, "environment/apt.txt": "gdal"}),
        ),
    ]
    assert len({first, *(plan.contents.key for plan in others)}) == 5


def test_another_hub_or_another_lock_of_its_server_is_another_image(
    indexes, tmp_path, monkeypatch
):
    first = plan_of(indexes).contents.key
    newer = make_index(tmp_path, wheel("nbgitpuller", "1.3"))
    more = Served(indexes.first, newer.all)
    other = plan_of(more).contents
    assert "nbgitpuller==1.3" in other.server and other.key != first
    real = plan_module.version
    hubs = {"jupyterhub": "99.0"}
    monkeypatch.setattr(plan_module, "version", lambda n: hubs.get(n) or real(n))
    hub = plan_of(more).contents
    assert "jupyterhub==99.0" in hub.server
    assert len({first, other.key, hub.key}) == 3
    # What the repository takes from elsewhere is not for the server.
    files = {"requirements.txt": f"--extra-index-url {newer.first}\nfast==1.0\n"}
    own = plan_of(indexes, replace(SOURCE, files=files)).contents
    assert "nbgitpuller==1.2" in own.server


def test_a_program_of_the_repositorys_makes_each_commit_another_image(indexes):
    files = {**SOURCE.files, "environment/postBuild": "make"}
    source = replace(SOURCE, files=files)
    first = plan_of(indexes, source)
    assert first.for_builder["git"] and first.for_builder["post_build"]
    later = plan_of(indexes, replace(source, commit="f" * 40))
    assert later.contents.key != first.contents.key
    here = replace(source, url="file:///home/me/hydro")
    with pytest.raises(ImageError, match="--ignore postBuild"):
        plan_of(indexes, here)
    assert plan_of(indexes, here, ignored=("postBuild",)).recipe.post_build == ""


def test_the_files_of_a_repository_are_in_the_image_if_one_wants_that(
    indexes, tmp_path
):
    baked = plan_of(indexes, bake=True)
    told = baked.for_builder
    assert told["bake"] == {"url": SOURCE.url, "ref": "", "packed": ""} and told["git"]
    assert baked.description.endswith(" packages, with its files")
    plain = plan_of(indexes)
    assert plain.for_builder["bake"] == {}
    later = plan_of(indexes, replace(SOURCE, commit="f" * 40), bake=True)
    keys = {each.contents.key for each in (plain, baked, later)}
    assert len(keys) == 3
    # A machine cannot fetch a folder: it comes with the plan, and so may be postBuild.
    (tmp_path / "run.py").write_text("import fast")
    files = {**SOURCE.files, "environment/postBuild": "make"}
    here = replace(SOURCE, url="file:///me/hydro", place=tmp_path, files=files)
    first = plan_of(indexes, here, bake=True)
    assert first.for_builder["bake"]["packed"] and builder_user_data(first.for_builder)
    assert plan_of(indexes, here, bake=True).contents.key == first.contents.key
    (tmp_path / "run.py").write_text("import plain")
    assert plan_of(indexes, here, bake=True).contents.key != first.contents.key
    (tmp_path / "large.bin").write_bytes(random.Random(0).randbytes(20_000))
    large = plan_of(indexes, here, bake=True)
    with pytest.raises(ImageError, match="repository that machines reach by https"):
        builder_user_data(large.for_builder)


def test_a_python_that_is_asked_for_is_taken_or_refused(indexes):
    assert plan_of(indexes, python="3.9").choice.python == "3.9"
    with pytest.raises(ImageError, match="fast==1.0: wheels for 3.9"):
        plan_of(indexes, python="3.12")


def test_machines_of_other_processors_need_an_uv_of_their_own(indexes):
    with pytest.raises(ImageError, match="no file for Linux on aarch64"):
        plan_of(indexes, base=replace(BASE, architecture="arm64"))
    plain = replace(SOURCE, files={"requirements.txt": "plain"})
    with pytest.raises(ImageError, match=f"uv {uv_version()} for machines with aarch"):
        plan_of(indexes, plain, replace(BASE, architecture="arm64"))
