"""Promises name tests that exist, and tests of faults and the simulation are on it."""

import ast
import re

from .configs import DOCS, ROOT

PAGE = (DOCS / "reference" / "promises.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py::\w+)`", PAGE)))
SLOW = sorted(set(re.findall(r"`(tests/[\w/]+\.py::\w+)` \(slow\)", PAGE)))


def proofs_in(path):
    """name -> whether it is slow."""
    text = path.read_text()
    all_slow = "pytestmark = pytest.mark.slow" in text
    return {
        node.name: all_slow or any("slow" in ast.dump(d) for d in node.decorator_list)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith("test_")
    }


def test_proofs_are_found():
    assert len(NAMED) > 40


def test_every_proof_exists_and_is_slow_when_the_page_says_so():
    found = {
        f"{path}::{name}": slow
        for path in {proof.split("::")[0] for proof in NAMED}
        if (ROOT / path).exists()
        for name, slow in proofs_in(ROOT / path).items()
    }
    assert not [proof for proof in NAMED if proof not in found], "there is no such test"
    assert not [proof for proof in NAMED if found[proof] != (proof in SLOW)]


def test_every_test_of_faults_proves_something():
    faults = {
        f"tests/{folder}/{path.name}::{name}"
        for folder in ("faults", "simulation")
        for path in (ROOT / "tests" / folder).glob("test_*.py")
        for name in proofs_in(path)
    }
    assert faults <= set(NAMED)


def test_every_promise_has_a_proof():
    blocks = re.split(r"^_(?=\S.*_$)", PAGE, flags=re.M)[1:]
    assert len(blocks) > 15
    for block in blocks:
        assert "`tests/" in block, block
