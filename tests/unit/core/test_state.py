import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.core.state import Phase, Rest, ServerState, Tombstone

states = st.builds(
    ServerState,
    server_id=st.text(),
    phase=st.sampled_from(Phase),
    launch_id=st.text(),
    instance_id=st.text(),
    launched_at=st.floats(0, 1e10),
    port=st.integers(0, 65535),
    token_id=st.integers(0),
    tombstones=st.lists(st.builds(Tombstone, st.text(min_size=1), st.text())),
)


@given(states)
def test_a_state_survives_the_database(state):
    saved = json.loads(json.dumps(state.to_dict()))
    assert ServerState.from_dict(saved) == state


def test_a_server_that_never_started_has_an_empty_memory():
    assert ServerState.from_dict({}) == ServerState()
    assert not ServerState().launching


def test_a_key_of_a_newer_version_does_not_hurt():
    assert ServerState.from_dict({"hibernated": True, "port": 1}).port == 1


def test_a_value_that_cannot_be_is_an_error_and_not_a_guess():
    with pytest.raises(ValueError):
        ServerState.from_dict({"phase": "sleeping"})


def test_clearing_keeps_who_it_is_and_what_must_still_be_buried():
    rest = Rest("l0", "i0", "1", "a", "r", "t3.large", "f", "stop", 1.0, 2.0, 1.0)
    outlives = {
        "server_id": "s",
        "home_id": "vol-1",
        "home_region": "r",
        "home_kind": "server",
        "home_moved": True,
        "last_end": "EC2 has lost it",
        "resting": rest,
    }
    state = ServerState(
        phase=Phase.READY,
        launch_id="l",
        instance_id="i",
        token_id=3,
        rescued="no home",
        announced="it ends soon",
        **outlives,
    )
    state.bury()
    kept = ServerState(**outlives, tombstones=[Tombstone("l", "i")])
    assert state.cleared() == kept


def test_a_launch_is_buried_once_with_the_most_that_is_known_of_it():
    state = ServerState(launch_id="l")
    state.bury()
    state.instance_id = "i"
    state.bury()
    assert state.tombstones == [Tombstone("l", "i")]


def test_without_a_launch_there_is_nothing_to_bury():
    state = ServerState(server_id="s")
    state.bury()
    assert state.tombstones == []


def test_an_attempt_in_doubt_stays_buried_when_its_launch_goes_on_to_a_machine():
    state = ServerState(launch_id="l", region="r")
    state.bury_attempt("token-0")
    doubtful = Tombstone("l", "", "r", "token-0")
    state.begin_attempt("token-1", "on-demand", "t3.large", 1.0)
    assert state.tombstones == [doubtful]
    state.instance_id = "i"
    state.bury()
    assert state.tombstones == [doubtful, Tombstone("l", "i", "r")]


def test_a_launch_without_a_machine_is_buried_with_all_its_attempts():
    state = ServerState(launch_id="l")
    state.bury_attempt("token-0")
    state.bury()
    assert state.tombstones == [Tombstone("l")]


def test_a_new_attempt_forgets_the_machine_that_has_died():
    state = ServerState(
        launch_id="l", phase=Phase.BOOTING, instance_id="i", private_ip="1", zone="a"
    )
    state.begin_attempt("token-1", "spot", "t3.large", 5.0)
    assert (state.phase, state.client_token) == (Phase.REQUESTED, "token-1")
    assert not (state.instance_id or state.private_ip or state.zone)
    assert (state.market, state.instance_type) == ("spot", "t3.large")
    assert state.launched_at == 5.0
