"""The mutants with which the tests themselves are tested."""

from __future__ import annotations

import ast

import pytest

from ..mutations.__main__ import ROOT, TARGETS
from ..mutations.mutants import mutants_of

SOURCE = """\
def may(count, limit):
    \"\"\"Whether there may be one more.\"\"\"
    if count < limit and not limit == 0:
        count += 1
        return True
    raise ValueError(f"{count} of {limit}")  # a comment
"""


def test_each_kind_of_mistake_is_made_and_nothing_else_changes():
    mutants = mutants_of("file.py", SOURCE)
    made = [
        (mutant.what, line.strip())
        for mutant in mutants
        for line in set(mutant.apply(SOURCE).splitlines()) - set(SOURCE.splitlines())
    ]
    assert ("comparison", "if (count <= limit) and not limit == 0:") in made
    assert ("and/or", "if (count < limit or not limit == 0):") in made
    assert ("not", "if count < limit and (limit == 0):") in made
    assert ("constant", "count += 2") in made
    assert ("constant", "return False") in made
    assert ("returns nothing", "return None") in made
    assert ("removed", "pass") in made
    assert all("one more." in mutant.apply(SOURCE) for mutant in mutants)


@pytest.mark.parametrize("file", TARGETS)
def test_all_mutants_are_python_and_differ_from_the_file(file):
    source = (ROOT / file).read_text()
    mutants = mutants_of(file, source)
    assert len(mutants) > 20
    for mutant in mutants:
        text = mutant.apply(source)
        assert text != source
        ast.parse(text)


@pytest.mark.parametrize("file", TARGETS)
def test_tests_are_named_that_exist(file):
    for proofs in TARGETS[file]:
        assert all((ROOT / each).exists() for each in proofs.split())
