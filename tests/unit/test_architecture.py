"""The house, as CONTRIBUTING.md draws it: what may import what, and how big it gets."""

import re
import sys
from collections import Counter

import pytest

from tests.house import LAYERS, ROOT, files, needs

PACKAGES = sorted(LAYERS)
FILES = {package: files(package) for package in PACKAGES}
EVERY_FILE = [file for package in PACKAGES for file in FILES[package]]
PRODUCT = FILES["ec2spawner"]

ROOT_FILES, FOLDER_FILES, LINES = 6, 14, 400

#: decide and compute, and leave doing to others
PURE = {
    "claim/messages.py",
    "claim/texts.py",
    "claim/verify.py",
    "ec2/errors/ends.py",
    "ec2/errors/kinds.py",
    "ec2/errors/table.py",
    "ec2/facts.py",
    "ec2/tags.py",
    "fleet/sweep_policy.py",
    "homes/lineage.py",
    "launch/block_devices.py",
    "launch/hibernation.py",
    "launch/plan.py",
    "profiles/choose.py",
    "profiles/overrides.py",
    "profiles/profile.py",
    "profiles/read.py",
    "profiles/schema.py",
    "hub/told/words.py",
    "server/notices.py",
    *(f.name for f in PRODUCT if f.folder in ("core", "settings")),
}
#: what a pure module may import that is not ours
CALM = {
    *("__future__", "base64", "collections", "copy", "dataclasses", "datetime", "enum"),
    *("functools", "hashlib", "hmac", "html", "ipaddress", "itertools", "json"),
    *("math", "posixpath", "pydantic", "re", "secrets", "string", "traitlets"),
    *("typing", "mypy_boto3_ec2", "unicodedata", "urllib.parse"),
}
CALM_BESIDES = {
    # The class that JupyterHub shows to users, to inherit from.
    "core/errors.py": {"jupyterhub.spawner.SpawnException"},
    # Counts in memory.
    "core/metrics.py": {
        "jupyterhub.metrics.metrics_prefix",
        *(f"prometheus_client.{each}" for each in ("Counter", "Gauge", "Histogram")),
    },
    # os.environ, for the default of the region.
    "settings/machine.py": {"os"},
}


def layer_of(package, room):
    for number, rooms in enumerate(LAYERS[package]):
        if room in rooms:
            return number
    raise AssertionError(
        f"{package}/{room} has no place in LAYERS (tests/house.py): give it one, and a "
        "line in CONTRIBUTING.md"
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_down_the_house_only(package):
    wrong = [
        f"{file} imports {other}"
        for file, others in needs(package).items()
        for other in others
        if file.room != other.room
        and layer_of(package, file.room) >= layer_of(package, other.room)
    ]
    assert not wrong, (
        "these imports go up, or across a layer. Move what both need to a room below, "
        f"or hand it over as an argument: {sorted(wrong)}"
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_has_one_place_in_the_house(package):
    named = Counter(room for rooms in LAYERS[package] for room in rooms)
    assert set(named.values()) == {1}, "a room is named twice in LAYERS"
    for file in FILES[package]:
        layer_of(package, file.room)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_folders_need_each_other(package):
    """Folders of a folder, too: claim/ and claim/agent/."""
    arrows = {
        (file.folder or file.room, other.folder or other.room)
        for file, others in needs(package).items()
        for other in others
    }
    pairs = [(a, b) for a, b in arrows if a < b and (b, a) in arrows]
    assert not pairs, (
        "these import each other. Put what one of them needs of the other below both: "
        f"{sorted(pairs)}"
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_needs_itself_by_way_of_others(package):
    done = set()

    def visit(file, path):
        assert file not in path, (
            "a circle of imports, also where they are made late or for types only. "
            "Take a Protocol, or move what both need: "
            + " -> ".join(map(str, [*path[path.index(file) :], file]))
        )
        if file not in done:
            for other in sorted(needs(package)[file], key=str):
                visit(other, [*path, file])
            done.add(file)

    for file in FILES[package]:
        visit(file, [])


@pytest.mark.parametrize("package", PACKAGES)
def test_a_root_is_small(package):
    names = [f.name for f in FILES[package] if not f.folder]
    names = [name for name in names if not name.startswith("__")]
    assert len(names) <= ROOT_FILES, (
        f"{package}/ has more than {ROOT_FILES} files beside its folders: put one into "
        f"the folder of its subject: {names}"
    )


def files_per_folder():
    return Counter(
        f"{file.package}/{file.folder}"
        for file in EVERY_FILE
        if file.folder and not file.name.endswith("/__init__.py")
    )


def test_a_folder_can_be_taken_in_at_a_glance():
    full = {
        folder: count
        for folder, count in files_per_folder().items()
        if count > FOLDER_FILES
    }
    assert not full, (
        f"more than {FOLDER_FILES} files in a folder: find "
        f"the subject in it that is a folder of its own: {full}"
    )


def test_a_file_can_be_read_in_one_sitting():
    lines = {str(f): len(f.path.read_text().splitlines()) for f in EVERY_FILE}
    long = {name: count for name, count in lines.items() if count > LINES}
    assert (
        lines and not long
    ), f"more than {LINES} lines in a file: split it by subject, not by size: {long}"


def test_tests_can_be_read_in_one_sitting_too():
    files = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in (ROOT / "tests").rglob("*.py")
    }
    assert files and not {name: n for name, n in files.items() if n > LINES}


def test_a_unit_test_is_where_its_module_is():
    """tests/unit/hub/test_sweep.py, or test_sweep_<what>.py, tests hub/sweep.py."""
    modules = {f.name.removesuffix(".py") for f in PRODUCT}
    unit = ROOT / "tests" / "unit"
    lost = []
    for path in unit.glob("*/test_*.py"):
        name = path.relative_to(unit).as_posix().removesuffix(".py")
        name = name.replace("/test_", "/")
        if not any(name == m or name.startswith(m + "_") for m in modules):
            lost.append(str(path.relative_to(ROOT)))
    assert not lost, f"no module has these names: move or rename the tests {lost}"


def test_only_the_ec2_folder_calls_boto3():
    callers = {f for f in PRODUCT if f.imports_top() & {"boto3", "botocore"}}
    assert callers, "nobody calls boto3 any more? Then this test looks for the wrong"
    strangers = sorted(str(f) for f in callers if f.room != "ec2")
    assert not strangers, (
        f"only ec2spawner/ec2/ calls boto3 and knows botocore's errors: {strangers}. "
        "Add the call there, in the file of its noun"
    )


def test_only_the_demo_knows_the_local_ec2():
    strangers = [
        str(f) for f in PRODUCT if "localec2" in f.imports_top() and f.room != "demo"
    ]
    assert not strangers, (
        f"a hub on AWS has no localec2, and these import it: {strangers}. Only "
        "ec2spawner/demo/ may"
    )


def test_the_local_ec2_knows_nothing_of_the_product():
    """Nor may it: its answers must be EC2's, not what the product hopes for."""
    friends = [str(f) for f in FILES["localec2"] if "ec2spawner" in f.imports_top()]
    assert not friends, f"these files of localec2 import ec2spawner: {friends}"


def test_the_agent_needs_the_standard_library_of_python_3_8_only():
    known = sys.stdlib_module_names - {"graphlib", "tomllib", "zoneinfo"}
    travel = ("claim/agent", "images/builds/machine")
    probe = "admin/doctor/launch/neighbour.py"
    agent = [f for f in PRODUCT if f.folder.startswith(travel) or f.name == probe]
    assert {f.folder for f in agent} >= set(travel)
    wrong = [
        f"{file} imports {each}"
        for file in agent
        for each in file.imports()
        if each.split(".")[0] not in known
        and not each.startswith(
            tuple(f"ec2spawner.{t.replace('/', '.')}." for t in travel)
        )
    ]
    assert not wrong, (
        "the agent travels to machines that have Python 3.8 and nothing else, nothing "
        f"of ours either: {sorted(wrong)}"
    )


def test_who_waits_too_long_raises_what_is_caught_on_python_3_10_too():
    """There asyncio's TimeoutError is another than Python's own."""
    wrong = [str(f) for f in PRODUCT if re.search("raise Timeout", f.path.read_text())]
    assert not wrong, f"raise asyncio.TimeoutError in {wrong}"


def is_calm(name, imported):
    """Nothing that reads, writes, waits or asks for the time."""
    if imported in CALM_BESIDES.get(name, ()):
        return True
    if not imported.startswith("ec2spawner."):
        return any(imported == c or imported.startswith(c + ".") for c in CALM)
    module, _, what = imported.rpartition(".")
    pure = {f.module for f in PRODUCT if f.name in PURE}
    if module in pure or imported in pure:
        return True
    # Machines and volumes are plain data, and live beside the calls that find them.
    return module.startswith("ec2spawner.ec2.") and what[:1].isupper()


@pytest.mark.parametrize("name", sorted(PURE))
def test_a_pure_module_imports_nothing_that_does_io(name):
    [file] = [f for f in PRODUCT if f.name == name]
    wrong = sorted(each for each in file.imports() if not is_calm(name, each))
    assert not wrong, (
        f"{file} is pure: it decides, others do. It imports {wrong}. Let its caller do "
        "that, and hand in what came of it"
    )


def test_the_hub_imports_nothing_that_only_images_need():
    """It is an extra: ``ec2spawner[image]``."""
    extra = {"packaging", "yaml", "tomli", "tomllib", "uv", "rattler"}
    assert {f.room for f in PRODUCT if extra & f.imports_top()} == {"images"}
    apart = {
        file
        for file in PRODUCT
        # The commands, and the process that plans an image.
        if file.room in ("admin", "demo") or file.name == "images/builds/apart.py"
    }
    # For types only.
    planned = "images/builds/planned.py"
    needed, more = set(), [f for f in PRODUCT if f.room in ("spawner", "hub")]
    while more:
        file = more.pop()
        if file not in needed | apart:
            needed.add(file)
            more += needs("ec2spawner")[file] if file.name != planned else []
    assert not [file for file in needed if extra & file.imports_top()]
