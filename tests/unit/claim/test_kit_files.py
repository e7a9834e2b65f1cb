import ast
import glob
import hashlib
import json
import re
import sys

from ec2spawner.claim import kit_files as module
from ec2spawner.claim.agent.work import notices
from ec2spawner.claim.kit_files import kit_files
from ec2spawner.claim.messages import Orders
from tests.house import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LAB = "labextensions/ec2spawner/"


def test_the_kit_is_what_a_jupyter_server_and_a_page_load():
    assert {name for name in kit_files() if "remoteEntry" not in name} == {
        "config/jupyter_server_config.py",
        "server/ec2spawner_machine.py",
        LAB + "package.json",
    }


def test_a_page_loads_an_entry_whose_name_says_what_is_in_it():
    """Browsers keep it for long."""
    load = json.loads(kit_files()[LAB + "package.json"])["jupyterlab"]["_build"]["load"]
    text = kit_files()[LAB + load]
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    assert load == f"static/remoteEntry.{digest}.js"


def test_it_travels_with_the_orders_and_costs_little():
    size = sum(map(len, kit_files().values()))
    assert size < 24_000
    kit = {f.name: f for f in Orders.__dataclass_fields__.values()}["kit"]
    assert not kit.repr, "it would fill the log"


def test_any_image_with_python_3_8_can_load_it():
    for name, text in kit_files().items():
        if name.endswith(".py"):
            ast.parse(text, feature_version=(3, 8))


def test_the_page_knows_no_words():
    """They are the Hub's, in Python, where they are tested."""
    [entry] = [text for name, text in kit_files().items() if "remoteEntry" in name]
    for word in ("machine.", "USD", "Keep", "stops", "budget"):
        code = "\n".join(x for x in entry.splitlines() if "//" not in x)
        assert word not in code, word


def test_what_ec2_announces_is_read_within_15_seconds():
    """The agent looks, then the page: a spot machine goes two minutes after that."""
    [entry] = [text for name, text in kit_files().items() if "remoteEntry" in name]
    page = int(re.search(r"LOOK_MS = (\d+);", entry)[1]) / 1000
    assert notices.EVERY + page < 15


def test_a_package_has_all_of_it():
    """As setuptools finds it: its globs are those of Python."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        tables = tomllib.load(file)["tool"]["setuptools"]
    house, found = ROOT / "ec2spawner", set()
    for pattern in tables["package-data"]["ec2spawner"]:
        found |= set(glob.glob(pattern, root_dir=house, recursive=True))
    for path in module._KIT.rglob("*"):
        if path.suffix in module._SUFFIXES:
            assert path.relative_to(house).as_posix() in found
