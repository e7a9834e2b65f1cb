"""What version 1 has saved goes on as it would have, and nothing of it is lost."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.core.saved_state import from_dict, ids_in, to_dict
from ec2spawner.core.state import (
    Act,
    Doomed,
    HomeRef,
    Phase,
    ServerInMemory,
    StoppedMachine,
)

from .test_saved_state import seconds, through_the_database

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
