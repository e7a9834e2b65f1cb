"""The family of errors is as the docstring of core/errors.py draws it."""

import ast
import re
from collections import defaultdict

from ec2spawner.core import errors
from ec2spawner.core.errors import Reason
from tests.house import files

#: programs of their own: their errors end in their own output
OTHER_PROGRAMS = ("demo", "admin", "claim/agent", "images/builds/machine")
FILES = [f for f in files("ec2spawner") if not f.name.startswith(OTHER_PROGRAMS)]
CLASSES, _, REASONS = errors.__doc__.partition("A reason of EC2SpawnError")


def base_names(node):
    return [ast.unparse(base).rpartition(".")[2] for base in node.bases]


def test_every_class_is_drawn_below_its_base_and_beside_its_file():
    found, known = {}, {"Exception", "SpawnException", "ValueError", "LookupError"}
    waiting = [
        (node, file)
        for file in FILES
        for node in ast.walk(file.tree)
        if isinstance(node, ast.ClassDef)
    ]
    for _ in range(3):  # a family of three generations
        for node, file in waiting:
            if heirs := [b for b in base_names(node) if b in known]:
                known.add(node.name)
                found[node.name] = (heirs[0], file.name)
    drawn, line_of = {}, []
    for indent, name, where in re.findall(r"^( +)(\w+)(?: +(\S+\.py))?", CLASSES, re.M):
        depth = len(indent) // 4 - 1
        line_of[depth:] = [name]
        if where:
            drawn[name] = (line_of[depth - 1], where)
    assert drawn == found


def test_every_reason_is_said_by_the_folders_that_it_is_drawn_with():
    found = defaultdict(set)
    for file in FILES:
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Reason":
                if file.folder != "core":
                    found[Reason[node.attr].value].add(file.room)
    drawn = {
        reason: set(rooms.split(", "))
        for reason, rooms in re.findall(r"^ {4}(\w+) +(\w.*)$", REASONS, re.M)
    }
    assert drawn == found and drawn.keys() == {reason.value for reason in Reason}
