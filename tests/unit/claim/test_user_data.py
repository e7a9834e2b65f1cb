import ast
import gzip
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.claim import agent
from ec2spawner.claim import user_data as module
from ec2spawner.claim.agent.config import read_config, script_of
from ec2spawner.claim.agent.unpack import archive, as_comments, refresh
from ec2spawner.claim.agent.words import Failed
from ec2spawner.claim.user_data import LIMIT, compact, user_data
from ec2spawner.core.errors import EC2SpawnError

AGENT = sorted(Path(agent.__file__).parent.glob("*.py"))


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


@pytest.mark.parametrize("path", AGENT, ids=lambda path: path.name)
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
    assert refresh(path, script().replace("class Reporter", "class Speaker"))


def test_what_was_unpacked_can_be_imported(tmp_path):
    path = tmp_path / "agent.pyz"
    refresh(str(path), script())
    code = f"import sys; sys.path.insert(0, {str(path)!r}); import agent.main as m"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code + "; print(m.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"{path}/agent/main.py"


def test_it_fits_with_room_to_spare():
    # A fifth is left, for what the agent is still to learn.
    longest = user_data("l" * 40, "n" * 64, "https://" + "h" * 200, 480)
    assert len(longest) < LIMIT * 0.8


def test_what_does_not_fit_fails_before_ec2_is_asked(monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 1000)
    with pytest.raises(EC2SpawnError, match="user-data would have"):
        user_data("launch", "nonce", "http://hub", 480)


@pytest.mark.parametrize("path", AGENT, ids=lambda path: path.name)
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
