"""Whatever the account puts in place of what Jupyter says, the agent reads on."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.claim.agent.work.idle.said import Said, kernels_in, read_said
from ec2spawner.claim.agent.work.idle.sampler import people_in
from ec2spawner.claim.agent.work.idle.sight import Kernel

NOW = 1_795_000_000.0
GOOD = {
    "at": NOW,
    "human": NOW - 9,
    "page": NOW - 3,
    "sockets": 2,
    "others": [],
    "keep": NOW + 7200,
    "kernels": [{"name": "python3", "state": "busy", "connections": 1}],
    "terminals": [17],
}


def link(path):
    path.symlink_to("/etc/passwd")


def link_to_good(path):
    (path.parent / "other").write_text(json.dumps(GOOD))
    path.symlink_to(path.parent / "other")


def sparse(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


def held_open(path):
    """A pipe in which nothing comes, and whose end nobody closes."""
    os.mkfifo(path)
    ENDS.append(os.open(path, os.O_RDWR))


def all_are(value):
    return lambda path: path.write_text(json.dumps(dict.fromkeys(GOOD, value)))


WRONG = [None, True, "9", [], [7], {}, -1, 1e300, 10**400]
ENDS = []
HOSTILE = {
    "nothing": lambda path: None,
    "a link": link,
    "a link to what would be good": link_to_good,
    "a link to an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a pipe that nobody writes to": lambda path: os.mkfifo(path),
    "a folder": lambda path: path.mkdir(),
    "a TiB of nothing": sparse,
    "deep": lambda path: path.write_text("[" * 60_000),
    "deep objects": lambda path: path.write_text('{"a":' * 12_000),
    "a list": lambda path: path.write_text("[1]"),
    "not a number": lambda path: path.write_text('{"at": NaN, "human": Infinity}'),
    "digits": lambda path: path.write_text('{"at": ' + "9" * 5_000 + "}"),
    "a pipe that somebody holds open": held_open,
    **{f"{str(value):.9}": all_are(value) for value in WRONG},
    "no UTF-8": lambda path: path.write_bytes(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_word_of_jupyters_says_nothing(tmp_path, what):
    path = tmp_path / "said.json"
    HOSTILE[what](path)
    said = read_said(str(path))
    assert not said.is_fresh(NOW) and not said.sees_people(NOW)
    assert not any([said.at, said.human, said.page, said.sockets, said.keep])
    assert not any(kernel.name or kernel.state for kernel in said.kernels)
    assert not any(said.others)
    people_in(said, NOW)
    while ENDS:
        os.close(ENDS.pop())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), json_values))
def test_any_values_are_read_without_trouble(tmp_path_factory, fields):
    path = tmp_path_factory.mktemp("said") / "said.json"
    path.write_text(json.dumps({**GOOD, **fields}))
    said = read_said(str(path))
    sight = people_in(said, NOW)
    assert sight.human is None or sight.human >= 0
    assert all(isinstance(word, str) for kernel in said.kernels for word in kernel)
    json.dumps(sight)


def test_what_jupyter_says_is_taken_on(tmp_path):
    path = tmp_path / "said.json"
    path.write_text(json.dumps(GOOD))
    said = read_said(str(path))
    kernels = [Kernel("python3", "busy")]
    assert said == Said(NOW, NOW - 9, NOW - 3, 2, [], NOW + 7200, kernels)
    sight = people_in(said, NOW)
    assert (sight.human, sight.sees_people, sight.keep) == (9, True, NOW + 7200)


@pytest.mark.parametrize(
    "changes, sees",
    [
        ({}, True),
        ({"at": NOW - 90}, False),
        ({"page": NOW - 170}, True),
        ({"page": NOW - 600}, False),
        ({"page": NOW - 600, "sockets": 0}, True),
        ({"page": 0, "sockets": 0}, True),
        ({"at": NOW + 90}, False),
    ],
    ids=str,
)
def test_people_are_seen_where_every_open_page_asks_for_news(tmp_path, changes, sees):
    path = tmp_path / "said.json"
    path.write_text(json.dumps({**GOOD, **changes}))
    assert read_said(str(path)).sees_people(NOW) is sees


def test_the_server_is_believed_where_it_answers_with_kernels():
    answer = [{"name": "ir", "execution_state": "busy", "id": "x"}, 7, {"name": 3}]
    assert kernels_in(answer) == [Kernel("ir", "busy"), Kernel("", "")]
    assert kernels_in({"message": "Forbidden"}) is None
