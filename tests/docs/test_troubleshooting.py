"""The page of messages has the messages that the code has, word for word."""

import ast
import re
from functools import cache
from pathlib import Path

import ec2spawner
from ec2spawner.ec2.errors import kinds

from .configs import DOCS

HOUSE = Path(ec2spawner.__file__).parent
SOURCES = [p for p in HOUSE.rglob("*.py") if "demo" not in p.relative_to(HOUSE).parts]
PAGE = " ".join((DOCS / "howto" / "troubleshooting.md").read_text().split())
# Where is said what is wrong when the Hub starts.
STARTS = ("hub/checks/problems.py", "hub/checks/warnings.py", "settings/network.py")
QUOTED = re.findall(
    r"^### `(.*)`$", (DOCS / "howto" / "troubleshooting.md").read_text(), re.M
)


def words(text):
    return " ".join(text.split())


HTML = [words(path.read_text()) for path in sorted(HOUSE.rglob("templates/*.html"))]


@cache
def nodes_of(path):
    return list(ast.walk(ast.parse(path.read_text())))


def texts():
    """Every text in the code; an f-string as its constant parts."""
    for path in SOURCES:
        for node in nodes_of(path):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield words(node.value)


def parts_of(node):
    """The constant parts of a text in the code, longest first."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        found = [node.value]
    elif isinstance(node, ast.JoinedStr):
        found = [v.value for v in node.values if isinstance(v, ast.Constant)]
    else:
        found = []
    return sorted(map(words, found), key=len, reverse=True)


def messages_to_users():
    """What each EC2SpawnError in the code says: its longest constant sentence."""
    for path in SOURCES:
        for node in nodes_of(path):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "EC2SpawnError"
                and node.args
                and (parts := parts_of(node.args[0]))
                and len(parts[0]) > 15
            ):
                yield path.name, re.split(r"(?<=\.) ", parts[0])[0]


def messages_at_the_start():
    """What is said when the Hub starts, by its longest constant part."""
    for name in STARTS:
        for node in nodes_of(HOUSE / name):
            if isinstance(node, (ast.Yield, ast.Return)) and (
                parts := parts_of(node.value)
            ):
                if len(parts[0]) > 15:
                    yield name, re.split(r"(?<=\.) |, for|: give", parts[0])[0]


# Not only the table's: unknown codes have a meaning, too.
MEANINGS = sorted(m.user for m in vars(kinds).values() if isinstance(m, kinds.Meaning))


def test_every_quoted_message_is_in_the_code():
    known = "\n".join([*texts(), *HTML])
    parts = [part.strip() for quoted in QUOTED for part in quoted.split("…")]
    assert len(QUOTED) > 30
    assert not [
        part
        for part in parts
        if len(part) > 2 and part not in known and part.strip(" .:,;") not in known
    ]


def test_every_message_of_the_code_is_explained():
    messages = {*messages_to_users(), *messages_at_the_start()}
    assert len(messages) > 8
    assert not [each for each in messages if each[1].strip(" .") not in PAGE]


def test_every_meaning_of_an_aws_error_is_explained():
    assert len(MEANINGS) > 6
    assert not [each for each in MEANINGS if each.split(". ")[0] not in PAGE]
