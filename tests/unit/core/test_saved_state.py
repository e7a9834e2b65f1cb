"""A state comes back from the database as it went there, of whatever version."""

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.core.idleness import IdlePolicy
from ec2spawner.core.saved_state import (
    STATE_VERSION,
    UnreadableState,
    from_dict,
    home_in,
    ids_in,
    to_dict,
)
from ec2spawner.core.state import (
    Doomed,
    HomeRef,
    LastStop,
    Launch,
    Phase,
    ServerInMemory,
    ServerState,
    StoppedMachine,
    Wish,
)

text = st.text(max_size=5)
name = st.text("abc123-", min_size=1, max_size=5)
seconds = st.floats(0, 1e10)
servers = st.none() | st.builds(ServerInMemory, name, name, name, name)
dooms = st.builds(Doomed, name, text, text, text, text)
launches = st.builds(
    Launch,
    start_id=name,
    id=name,
    phase=st.sampled_from(Phase),
    wish=st.sampled_from(Wish),
    client_token=text,
    launched_at=seconds,
    instance_id=text,
    port=st.integers(0, 65535),
    token_id=st.integers(0),
    data_devices=st.dictionaries(name, name, max_size=2),
    server=servers,
    woken=servers,
    idle=st.builds(IdlePolicy, *[seconds] * 6),
    kept_until=seconds,
    kept_seconds=seconds,
    kept_press=seconds,
)
stopped_machines = st.builds(
    StoppedMachine, name, name, until=seconds, certain=st.booleans(), server=servers
)
states = st.builds(
    ServerState,
    server_id=text,
    profile=text,
    launch=st.none() | launches,
    stopped=st.none() | stopped_machines,
    doomed=st.lists(dooms, max_size=3).map(tuple),
    home=st.none() | st.builds(HomeRef, name, text, text, st.booleans()),
    last_end=text,
    last_stop=st.none() | st.builds(LastStop, name, seconds, seconds, seconds),
)


def through_the_database(state):
    return from_dict(json.loads(json.dumps(to_dict(state))))


@given(states)
def test_a_state_survives_the_database(state):
    assert through_the_database(state) == state


def test_a_server_that_never_started_has_an_empty_memory():
    assert from_dict({}) == ServerState()
    assert to_dict(ServerState()) == {"version": STATE_VERSION}


# -- newer versions ------------------------------------------------------------------


@given(states, st.dictionaries(name.map("new-".__add__), st.integers() | text))
def test_what_a_newer_version_has_added_at_the_top_is_kept(state, added):
    saved = {**to_dict(state), "version": STATE_VERSION + 1, **added}
    read = from_dict(json.loads(json.dumps(saved)))
    assert {**to_dict(read), "version": 0} == {**saved, "version": 0}


@pytest.mark.parametrize(
    "where",
    [
        ("launch",),
        ("stopped",),
        ("home",),
        ("doomed", 0),
        ("launch", "server"),
        ("launch", "woken"),
        ("stopped", "server"),
    ],
)
def test_what_it_has_added_below_is_ignored(where):
    server = ServerInMemory("key", "prefix", "hash", "digest")
    state = ServerState(
        launch=Launch("s", "l", server=server, woken=server),
        stopped=StoppedMachine("l0", "i0", server=server),
        doomed=(Doomed("l1"),),
        home=HomeRef("vol-1"),
    )
    saved = inner = json.loads(json.dumps(to_dict(state)))
    for step in where:
        inner = inner[step]
    inner["new"] = [{"of": "a newer version"}]
    assert from_dict(saved) == state


# -- what cannot be read -------------------------------------------------------------

WRONG = [
    ["a list"],
    "a text",
    7,
    {"version": 2, "launch": {"start_id": "s", "id": "l", "phase": "asleep"}},
    {"version": 2, "launch": {"start_id": "s", "id": "l", "wish": "perhaps"}},
    {"version": 2, "launch": {"start_id": "s", "id": "l", "phase": ["ready"]}},
    {"version": 2, "launch": {"start_id": "s", "id": "l", "instance_id": 7}},
    {"version": 2, "launch": {"start_id": "s", "id": "l", "launched_at": "now"}},
    {"version": 2, "launch": {"start_id": "s", "id": "l", "port": 1.5}},
    {"version": 2, "launch": {"start_id": "s", "id": "l", "port": True}},
    {"version": 2, "launch": {"start_id": "s", "id": "l", "server": {"digest": "d"}}},
    {"version": 2, "launch": {"start_id": "s", "id": "l", "data_devices": "sdf"}},
    {"version": 2, "launch": {"phase": "ready"}},
    {"version": 2, "launch": ["l"]},
    {"version": 2, "launch": "l"},
    {"version": 2, "stopped": {"launch_id": "l"}},
    {"version": 2, "stopped": {"launch_id": "l", "instance_id": "i", "certain": "yes"}},
    {"version": 2, "doomed": [{"instance_id": "i"}]},
    {"version": 2, "doomed": "l"},
    {"version": 2, "doomed": None},
    {"version": 2, "home": "vol-1"},
    {"version": 2, "home": {"region": "r"}},
    {"version": 2, "home": {"id": "vol-1", "moved": 1}},
    {"version": 2, "server_id": 7},
    {"version": 2, "last_end": {}},
    {"version": "2", "launch_id": "l"},
    {"version": None},
    {"version": True},
    {"version": 0},
    {"version": 1, "phase": "sleeping"},
    {"version": 1, "launch_id": "l", "phase": "planned"},
    {"version": 1, "launch_id": 7, "phase": "ready"},
    {"version": 1, "launch_id": "l", "port": "eight"},
    {"version": 1, "resting": ["i"]},
    {"version": 1, "tombstones": [["l"]]},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_cannot_be_is_an_error_and_not_a_guess(wrong):
    with pytest.raises(UnreadableState):
        from_dict(wrong)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(text, inner, max_size=2),
    max_leaves=5,
)
KEYS = sorted(
    {f.name for f in fields(ServerState)} | {"phase", "resting", "tombstones"}
)


@given(
    json_values
    | st.dictionaries(st.sampled_from([*KEYS, "version"]), json_values, max_size=3)
)
def test_whatever_is_in_the_database_it_is_read_or_it_cannot_be_read(saved):
    try:
        assert isinstance(from_dict(saved), ServerState)
    except UnreadableState as e:
        assert str(e)


def test_a_home_is_found_in_what_cannot_be_read():
    new = {"version": 2, "launch": "wrong", "home": {"id": "vol-1"}}
    old = {"version": 1, "phase": "wrong", "home_id": "vol-2"}
    assert (home_in(new), home_in(old)) == (HomeRef("vol-1"), HomeRef("vol-2"))
    assert home_in({"version": 1, "phase": "wrong"}) is None
    assert home_in(None) is None
    assert home_in(to_dict(ServerState(home=HomeRef("v", "r")))) == HomeRef("v", "r")


def test_every_text_is_found_in_what_cannot_be_read():
    saved = {"launch": {"id": "l-1"}, "doomed": [{"launch_id": "l-2"}, 3], "x": ""}
    assert ids_in(saved) == {"l-1", "l-2"}
