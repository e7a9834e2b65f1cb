import ast
import gzip
import io
import re
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.claim import agent
from ec2spawner.claim import user_data as module
from ec2spawner.claim.agent.config import read_config, script_of
from ec2spawner.claim.agent.start import WORK_MAIN
from ec2spawner.claim.agent.unpack import archive, as_comments, pack, refresh
from ec2spawner.claim.agent.words import Failed
from ec2spawner.claim.messages import Orders
from ec2spawner.claim.user_data import LIMIT, agent_files, compact, user_data
from ec2spawner.core.errors import EC2SpawnError
from tests.authorities import authority

HERE = Path(agent.__file__).parent
AGENT = sorted(HERE.rglob("*.py"))


def script():
    return script_of(user_data("launch", "nonce", "http://hub", 480))


@given(st.text(max_size=200), st.text(max_size=200))
def test_the_agent_reads_back_whatever_was_put_in(nonce, url):
    config = read_config(script_of(user_data("launch", nonce, url, 480)))
    assert (config["nonce"], config["hub_api_url"]) == (nonce, url)
    assert config["claim_timeout"] == 480


@given(st.text(max_size=200))
def test_no_value_becomes_code(url):
    plain = gzip.decompress(user_data("launch", "nonce", url, 480)).decode()
    assert plain.startswith("#!/usr/bin/env python3\n")
    harmless = gzip.decompress(user_data("launch", "nonce", "", 480)).decode()
    assert ast.dump(ast.parse(plain)) == ast.dump(ast.parse(harmless))


@given(st.dictionaries(st.from_regex(r"[a-m]{1,9}\.py", fullmatch=True), st.text()))
def test_the_machine_unpacks_the_very_files_that_were_packed(files):
    packed = archive("print('what unpacks')\n" + as_comments(files))
    with zipfile.ZipFile(io.BytesIO(packed)) as made:
        read = {name: made.read(name).decode() for name in made.namelist()}
    del read["__main__.py"]
    assert read.pop("agent/unpack.py").strip() == "print('what unpacks')"
    assert read == {"agent/" + name: text for name, text in files.items()}


@pytest.mark.parametrize(
    "path", AGENT, ids=lambda path: path.relative_to(HERE).as_posix()
)
def test_what_travels_does_the_same_as_what_we_read(path):
    source = path.read_text()
    small = ast.parse(compact(source))
    assert not any(
        ast.get_docstring(node)
        for node in ast.walk(small)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
    )
    for tree in (small, full := ast.parse(source)):
        for node in ast.walk(tree):
            if getattr(node, "body", None) and isinstance(node.body, list):
                node.body = [n for n in node.body if not is_idle(n)]
    assert ast.dump(small) == ast.dump(full)


def is_idle(node):
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def test_an_agent_is_written_only_when_it_is_another_one(tmp_path):
    path = str(tmp_path / "deep" / "agent.pyz")
    assert refresh(path, script())
    assert not refresh(path, script())
    assert refresh(path, script().replace("class Hub", "class Web"))


def imported(path, module):
    code = f"import sys; sys.path.insert(0, {str(path)!r}); import {module} as m"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code + "; print(m.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_what_was_unpacked_can_be_imported(tmp_path):
    path = tmp_path / "agent.pyz"
    refresh(str(path), script())
    assert imported(path, "agent.main") == f"{path}/agent/main.py"


def test_what_comes_with_the_orders_is_the_whole_agent(tmp_path):
    """It may be of a later version than what has claimed, and needs nothing of that."""
    path = tmp_path / "work.pyz"
    files = agent_files()
    assert sorted(files) == [p.relative_to(HERE).as_posix() for p in AGENT]
    path.write_bytes(pack(files, WORK_MAIN))
    assert imported(path, WORK_MAIN) == f"{path}/agent/work/main.py"
    with zipfile.ZipFile(path) as made:
        assert WORK_MAIN in made.read("__main__.py").decode()


def test_the_program_of_the_orders_has_nothing_of_the_one_that_claimed(tmp_path):
    """They are of two versions, and of one process."""
    claims, obeys = tmp_path / "agent.pyz", tmp_path / "work.pyz"
    refresh(str(claims), script())
    later = {
        "__init__.py": "",
        "words.py": "VERSION = 'a later one'",
        "work/__init__.py": "",
        "work/main.py": "import sys\nfrom ..words import VERSION\n"
        "def main(): print(VERSION, sys.argv)",
    }
    obeys.write_bytes(pack(later, WORK_MAIN))
    code = f"import sys; sys.path.insert(0, {str(claims)!r}); import agent.start as s; "
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code + f"s.become({str(obeys)!r}, 'begin')"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"a later one ['{obeys}', 'begin']"


def test_all_that_it_reads_there_is_in_the_orders_or_put_there_by_what_has_claimed():
    # By agents of November 2026, and a later one may have claimed for it.
    put = {"config", "nonce", "address", "program", "work", "env"}
    texts = [path.read_text() for path in HERE.glob("work/**/*.py")]
    read = {name for text in texts for name in re.findall(r'orders\["(\w+)"\]', text)}
    assert {"command", "account", "home_volume", "program"} <= read
    assert read <= put | {field.name for field in fields(Orders)}


def test_only_what_claims_travels_in_the_user_data():
    packed = archive(script())
    with zipfile.ZipFile(io.BytesIO(packed)) as made:
        names = {name for name in made.namelist() if name.startswith("agent/")}
    assert names == {"agent/" + path.name for path in HERE.glob("*.py")}


def unpacked_by_an_agent_of_version_0_1(text):
    """A machine that was stopped then wakes up with the user-data of a later hub."""
    name, files = "unpack.py", {"unpack.py": []}
    for line in text.split("\n"):
        if line.startswith("# ec2spawner-file: "):
            name = line[len("# ec2spawner-file: ") :]
            files[name] = []
        elif line.startswith("#|"):
            files[name].append(line[2:])
        elif name == "unpack.py":
            files[name].append(line)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        run = "from agent.main import main\n\nmain()\n"
        made.writestr(zipfile.ZipInfo("__main__.py"), run)
        for name, lines in files.items():
            made.writestr(zipfile.ZipInfo("agent/" + name), "\n".join(lines))
    return packed.getvalue()


def test_an_agent_of_before_makes_the_same_of_it_and_hands_over():
    assert unpacked_by_an_agent_of_version_0_1(script()) == archive(script())


def test_it_fits_with_room_to_spare():
    # Almost a third is left, the certificate of the Hub's authority included. How
    # well it packs is each Python's own.
    given = ("l" * 40, "n" * 64, "https://" + "h" * 200, 480)
    server = {"account": "a" * 32, "uid": 60000, "program": "p" * 99, "path": ["p"] * 9}
    assert len(user_data(*given, authority().hub_ca, server)) < LIMIT * 0.68
    assert len(user_data(*given)) < LIMIT * 0.6


def test_what_does_not_fit_fails_before_ec2_is_asked(monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 1000)
    with pytest.raises(EC2SpawnError, match="user-data would have"):
        user_data("launch", "nonce", "http://hub", 480)


@pytest.mark.parametrize(
    "path", AGENT, ids=lambda path: path.relative_to(HERE).as_posix()
)
def test_the_agent_needs_python_3_8_and_nothing_else(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    outside = {
        (node.module or "" if isinstance(node, ast.ImportFrom) else alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        or isinstance(node, ast.ImportFrom)
        and node.level == 0
        for alias in node.names
    }
    assert {name.split(".")[0] for name in outside} <= set(sys.stdlib_module_names)


def test_user_data_of_somebody_else_is_refused():
    with pytest.raises(Failed, match="not ec2spawner's"):
        read_config("#!/bin/sh\necho hello\n")
