"""What holds the local EC2 together: moto's names, the rules' table, the imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import boto3
import pytest

import localec2
from localec2 import rules
from localec2.world import moto_patches as patches

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs" / "reference" / "local-ec2.md"


def test_moto_is_the_version_that_is_patched():
    assert version("moto") == patches.MOTO_VERSION


def test_every_patched_name_is_where_it_was():
    """When this fails, moto moved: look at each name before changing the pin."""
    assert patches.missing_names() == []


def test_a_moved_name_would_be_noticed(monkeypatch):
    monkeypatch.setitem(patches.PATCHED, "moto.ec2.models.core:Nowhere", None)
    monkeypatch.setitem(
        patches.PATCHED, "moto.ec2.models.core:TaggedEC2Resource.add_tag", ("self",)
    )
    problems = patches.missing_names()
    assert "moto.ec2.models.core:Nowhere is gone" in problems
    assert any("add_tag has parameters" in each for each in problems)


def test_only_listed_names_of_moto_are_replaced():
    """`moto_patches.py` is the one place that sets anything inside moto."""
    package = Path(localec2.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text()
        if path.name != "moto_patches.py":
            assert "setattr(" not in text, path
    text = Path(patches.__file__).read_text()
    replaced = [
        node.args[1].value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "_replace"
        and isinstance(node.args[1], ast.Constant)
    ]
    listed = [name.rsplit(".", 1)[-1] for name in patches.PATCHED]
    assert replaced and set(replaced) <= set(listed)


def proved() -> set[str]:
    """Keys in every ``@pytest.mark.proves(...)``, also on machines that boot."""
    keys: set[str] = set()
    for path in (*HERE.glob("test_*.py"), *HERE.parent.glob("machine/test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                "mark.proves"
            ):
                keys.update(ast.literal_eval(arg) for arg in node.args)
    return keys


def test_every_rule_has_a_test_and_every_proof_a_rule():
    assert proved() == {rule.key for rule in rules.RULES}


def test_keys_and_statements_of_rules_are_unique():
    assert len({rule.key for rule in rules.RULES}) == len(rules.RULES)
    assert len({rule.aws_does for rule in rules.RULES}) == len(rules.RULES)
    assert all(rule.source.startswith("https://") for rule in rules.RULES)


def test_the_docs_have_the_table_of_rules():
    """If not: python -m localec2.rules, and put it between the marks."""
    text = DOCS.read_text()
    begin, end = "<!-- rules: begin -->\n", "<!-- rules: end -->"
    table = text[text.index(begin) + len(begin) : text.index(end)].strip()
    assert table == rules.as_markdown()


def test_importing_it_does_not_need_moto():
    script = (
        "import sys; import localec2\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('moto', 'boto3')]\n"
        "sys.exit(str(bad) if bad else 0)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_moto_a_sentence_says_what_to_install():
    script = (
        "import sys\n"
        "sys.modules['moto'] = None\n"
        "from localec2.serve import LocalCloud\n"
        "try:\n"
        "    LocalCloud().start()\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert 'pip install "ec2spawner[demo]"' in done.stdout


def test_it_runs_inside_a_process_too():
    """In a process of its own, because moto's world is the process's."""
    script = Path(__file__).with_name("inside.py")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["running", "ended", "running", "ended"]


def test_settings_refuse_nonsense():
    with pytest.raises(ValueError, match="machines must be"):
        localec2.LocalSettings(machines="docker")
    with pytest.raises(ValueError, match="unknown settings"):
        localec2.LocalSettings.from_dict({"colour": "red"})
    with pytest.raises(ValueError, match="times must be"):
        localec2.Fault("*", times=0)
    with pytest.raises(ValueError, match="unknown fields of a fault"):
        localec2.Fault.from_dict({"colour": "red"})


def test_the_environment_is_all_that_boto3_needs(cloud, monkeypatch):
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    assert (
        boto3.Session().client("ec2").describe_instances()["Reservations"] is not None
    )
