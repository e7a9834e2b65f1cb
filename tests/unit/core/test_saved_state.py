"""A state comes back from the database as it went there, of whatever version."""

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.core.saved_state import (
    STATE_VERSION,
    UnreadableState,
    from_dict,
    home_in,
    ids_in,
    to_dict,
)
from ec2spawner.core.state import (
    Act,
    Doomed,
    HomeRef,
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


# -- version 1 -------------------------------------------------------------------------

BOOTED = {
    "version": 1,
    "server_id": "server",
    "launch_id": "l",
    "client_token": "token",
    "launched_at": 1.0,
    "region": "r",
    "instance_id": "i",
    "private_ip": "1.1.1.1",
    "port": 8888,
    "zone": "a",
    "instance_type": "t",
    "market": "on-demand",
    "image_id": "ami",
    "profile": "small",
    "nonce_hash": "nonce",
    "token_id": 3,
    "on_stop": "stop",
    "stopped_ttl": 5.0,
    "fingerprint": "f",
    "data_devices": {"/data": "/dev/sdf"},
}
CLAIMED = {**BOOTED, "claimed_at": 2.0, "ordered_at": 3.0, "machine_key_hash": "key"}
READY = {**CLAIMED, "ready_at": 4.0}
ASKED = {name: BOOTED[name] for name in BOOTED if name not in ("instance_id", "zone")}
IN_MEMORY = {
    "machine_key_hash": "key",
    "token_prefix": "p",
    "token_hash": "h",
    "digest": "d",
}


def rest(launch_id="l", instance_id="i", **more):
    return {
        "launch_id": launch_id,
        "instance_id": instance_id,
        "private_ip": "1.1.1.1",
        "zone": "a",
        "region": "r",
        "instance_type": "t",
        "fingerprint": "f",
        "how": "hibernate",
        "since": 1.0,
        "until": 2.0,
        "ready_at": 4.0,
        "certain": False,
        "server": None,
        **more,
    }


OLD_REST = rest("l0", "i0", certain=True)


@pytest.mark.parametrize(
    "saved, phase, wish, act, stopped",
    [
        # As it went on.
        ({**ASKED, "phase": "requested"}, "requested", "serve", Act.AWAIT_ANSWER, ""),
        ({**BOOTED, "phase": "booting"}, "booting", "serve", Act.AWAIT_CLAIM, ""),
        ({**CLAIMED, "phase": "claimed"}, "claimed", "serve", Act.AWAIT_READY, ""),
        ({**READY, "phase": "ready"}, "ready", "serve", Act.WATCH, ""),
        # A launch of which nothing was known: it may have been asked for.
        ({**ASKED, "phase": "none"}, "requested", "serve", Act.AWAIT_ANSWER, ""),
        # It was being ended.
        ({**ASKED, "phase": "stopping"}, "requested", "end", Act.FIND, ""),
        ({**BOOTED, "phase": "stopping"}, "booting", "end", Act.TERMINATE, ""),
        ({**CLAIMED, "phase": "stopping"}, "claimed", "end", Act.TERMINATE, ""),
        ({**READY, "phase": "stopping"}, "ready", "end", Act.TERMINATE, ""),
        # It was being stopped.
        (
            {**READY, "phase": "stopping", "resting": rest()},
            "ready",
            "keep",
            Act.STOP,
            "",
        ),
        # And EC2 had confirmed that.
        (
            {**READY, "phase": "stopping", "resting": rest(certain=True)},
            None,
            None,
            None,
            "i",
        ),
        # It was being woken.
        (
            {**BOOTED, "ready_at": 4.0, "phase": "booting", "resting": rest()},
            "requested",
            "serve",
            Act.AWAIT_ANSWER,
            "i",
        ),
        # A fresh machine is to take the place of a stopped one.
        (
            {**ASKED, "phase": "requested", "resting": OLD_REST},
            "requested",
            "serve",
            Act.AWAIT_ANSWER,
            "i0",
        ),
        (
            {**ASKED, "phase": "stopping", "resting": OLD_REST},
            "requested",
            "end",
            Act.FIND,
            "i0",
        ),
        # No launch.
        ({"phase": "none", "resting": OLD_REST}, None, None, None, "i0"),
        ({"phase": "none", "version": 1}, None, None, None, ""),
        # It is awake again.
        (
            {**READY, "phase": "ready", "resting": rest()},
            "ready",
            "serve",
            Act.WATCH,
            "",
        ),
    ],
)
def test_a_state_of_version_1_goes_on_as_it_would_have(
    saved, phase, wish, act, stopped
):
    state = from_dict(saved)
    if phase is None:
        assert state.launch is None
    else:
        launch = state.launch
        assert (launch.phase.value, launch.wish.value) == (phase, wish)
        assert launch.act is act
        assert launch.id == launch.start_id == "l"
    assert (state.stopped.instance_id if state.stopped else "") == stopped
    assert through_the_database(state) == state


def test_everything_that_version_1_knew_of_a_launch_is_there():
    more = {"announced": "soon", "rescued": "no home", "server": IN_MEMORY}
    launch = from_dict({**READY, **more, "phase": "ready", "woken": IN_MEMORY}).launch
    ours = {"version", "server_id", "profile", "launch_id", "server"}
    for field, value in {**READY, **more}.items():
        if field not in ours:
            assert getattr(launch, field) == value, field
    assert launch.server == launch.woken == ServerInMemory(**IN_MEMORY)


def test_the_rest_of_version_1_is_there():
    state = from_dict(
        {
            **ASKED,
            "phase": "requested",
            "last_end": "EC2 has lost it",
            "home_id": "vol-1",
            "home_region": "r",
            "home_kind": "user",
            "home_moved": True,
            "resting": rest("l0", "i0", server=IN_MEMORY),
            "tombstones": [{"launch_id": "l1", "region": "r", "client_token": "t"}],
            "of_an_extension": 1,
        }
    )
    assert (state.server_id, state.profile) == ("server", "small")
    assert state.last_end == "EC2 has lost it"
    assert state.home == HomeRef("vol-1", "r", "user", moved=True)
    assert state.stopped == StoppedMachine(
        **{**rest("l0", "i0"), "server": ServerInMemory(**IN_MEMORY)}
    )
    assert state.doomed == (Doomed("l1", region="r", client_token="t"),)
    assert dict(state.unknown) == {"of_an_extension": 1}


ids = st.sampled_from(["1", "2", "3"])
old_states = st.fixed_dictionaries(
    {"phase": st.sampled_from("none requested booting claimed ready stopping".split())},
    optional={
        "version": st.just(1),
        "launch_id": ids.map("l-".__add__),
        "instance_id": ids.map("i-".__add__),
        "claimed_at": seconds,
        "ready_at": seconds,
        "on_stop": st.sampled_from(["stop", "hibernate"]),
        "market": st.sampled_from(["spot", "on-demand"]),
        "home_id": ids.map("vol-".__add__),
        "resting": st.builds(
            rest, ids.map("l-".__add__), ids.map("i-".__add__), certain=st.booleans()
        ),
        "tombstones": st.lists(
            st.fixed_dictionaries(
                {"launch_id": ids.map("l-dead-".__add__)},
                optional={
                    "instance_id": ids.map("i-dead-".__add__),
                    "client_token": ids.map("t-".__add__),
                },
            ),
            max_size=3,
        ),
    },
).filter(lambda old: could_be(old))


def could_be(old):
    """A machine is of one launch, and never without it."""
    resting = old.get("resting", {})
    if "instance_id" not in old:
        return True
    if resting.get("instance_id") == old["instance_id"]:
        return resting["launch_id"] == old.get("launch_id")
    return "launch_id" in old


@given(old_states)
def test_nothing_that_version_1_knew_is_lost(old):
    state = from_dict(json.loads(json.dumps(old)))
    known = {
        each for each in ids_in(old) if each.startswith(("l-", "i-", "vol-", "t-"))
    }
    assert known <= ids_in(to_dict(state))
    assert state.doomed == tuple(Doomed(**each) for each in old.get("tombstones", []))
    assert state.home_id == old.get("home_id", "")
    stopped, launch = state.stopped, state.current
    if stopped and stopped.instance_id == launch.instance_id:
        assert launch.phase is Phase.REQUESTED
