"""What follows from what is remembered of a server."""

from dataclasses import MISSING, fields, replace
from enum import Enum

import pytest

from ec2spawner.core.events import Attempted, Begun, Doubted, LetGo, Named
from ec2spawner.core.idleness import IdlePolicy
from ec2spawner.core.state import (
    MOST_HIBERNATION,
    NO_LAUNCH,
    Act,
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

# A machine that has served, and may be stopped: worth keeping.
LAUNCH = Launch(
    "start", "l", Phase.READY, instance_id="i", ready_at=1.0, on_stop="stop"
)
SERVE, KEEP, END = Wish
#: phase -> what is done when it is to serve, to be kept, and to end
TABLE = {
    Phase.PLANNED: (Act.ASK, Act.LET_GO, Act.LET_GO),
    Phase.REQUESTED: (Act.AWAIT_ANSWER, Act.STOP, Act.FIND),
    Phase.BOOTING: (Act.AWAIT_CLAIM, Act.STOP, Act.TERMINATE),
    Phase.CLAIMED: (Act.AWAIT_READY, Act.STOP, Act.TERMINATE),
    Phase.READY: (Act.WATCH, Act.STOP, Act.TERMINATE),
    Phase.OVER: (Act.NOTHING, Act.NOTHING, Act.NOTHING),
}


@pytest.mark.parametrize(
    "phase, wish, act",
    [(p, w, act) for p, acts in TABLE.items() for w, act in zip(Wish, acts)],
)
def test_phase_and_wish_say_what_is_to_be_done(phase, wish, act):
    assert replace(LAUNCH, phase=phase, wish=wish).act is act


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize(
    "lacks",
    [{"on_stop": ""}, {"market": "spot"}, {"ready_at": 0.0}, {"instance_id": ""}],
    ids=lambda lacks: next(iter(lacks)),
)
def test_what_is_not_worth_keeping_is_ended(phase, lacks):
    launch = replace(LAUNCH, phase=phase, wish=KEEP, **lacks)
    assert launch.act is replace(launch, wish=END).act is TABLE[phase][2]


def test_a_machine_hibernates_for_sixty_days_as_aws_allows():
    assert MOST_HIBERNATION == 5_184_000


@pytest.mark.parametrize(
    "how, wanted, seconds",
    [
        ("stop", 0, None),
        ("stop", 60.0, 60),
        ("stop", 2 * MOST_HIBERNATION, 2 * MOST_HIBERNATION),
        ("hibernate", 0, MOST_HIBERNATION),
        ("hibernate", 60.0, 60),
        ("hibernate", 2 * MOST_HIBERNATION, MOST_HIBERNATION),
    ],
)
def test_a_machine_is_stopped_for_as_long_as_is_wanted_and_aws_allows(
    how, wanted, seconds
):
    stopped = replace(LAUNCH, on_stop=how, stopped_ttl=wanted).stopped(1000.0, True)
    assert stopped.since == 1000
    assert stopped.until == (1000 + seconds if seconds else 0)
    assert stopped.hibernates is (how == "hibernate")


def test_a_machine_that_is_stopped_again_has_the_server_that_it_had_last():
    old, new = (ServerInMemory("key", "", "", digest) for digest in ("old", "new"))
    launch = replace(LAUNCH, woken=old)
    assert launch.stopped(1.0, True).server is old
    assert replace(launch, server=new).stopped(1.0, True).server is new
    stopped = replace(LAUNCH, failed_wakes=1).stopped(1.0, False)
    assert (stopped.failed_wakes, stopped.certain) == (1, False)


@pytest.mark.parametrize(
    "of", [Doomed, StoppedMachine, HomeRef, Launch, LastStop, ServerState]
)
def test_what_nobody_has_said_is_not_so(of):
    """What an older version has not saved is read as this."""
    said = {
        f.name: f.default
        for f in fields(of)
        if f.default is not MISSING and f.default != IdlePolicy()
    }
    assert not any(v for v in said.values() if not isinstance(v, Enum))


def test_a_server_without_a_launch_has_nothing_to_be_done():
    assert ServerState().current is NO_LAUNCH
    assert NO_LAUNCH.act is Act.NOTHING
    assert not ServerState().may_have_machine
    assert ServerState(launch=Launch("s", "l")).may_have_machine


def test_a_home_is_known_by_its_volume():
    assert ServerState().home_id == ""
    assert ServerState(home=HomeRef("vol-1")).home_id == "vol-1"


def test_a_launch_that_is_let_go_leaves_who_the_server_is_and_what_is_still_to_end():
    stopped = StoppedMachine("l0", "i0")
    outlives = {
        "server_id": "s",
        "home": HomeRef("vol-1", "r", "server", moved=True),
        "last_end": "EC2 has lost it",
        "stopped": stopped,
    }
    launch = replace(LAUNCH, token_id=3, rescued="no home", announced="it ends soon")
    state = ServerState(launch=launch, profile="small", **outlives)
    kept = ServerState(**outlives, doomed=(Doomed("l", "i"),))
    assert LetGo(1.0).after(state) == kept


def test_a_launch_is_doomed_once_with_the_most_that_is_known_of_it():
    state = ServerState().with_doomed(Doomed("l"), Doomed("l", "i"), Doomed("l", "i"))
    assert state.doomed == (Doomed("l", "i"),)
    with_key = Doomed("l", "i", machine_key_hash="key")
    assert state.with_doomed(with_key).doomed == (with_key,)


def test_two_machines_of_a_launch_are_both_doomed():
    both = (Doomed("l", "i"), Doomed("l", "i2"))
    assert ServerState().with_doomed(*both).doomed == both
    assert ServerState().with_doomed(*both, Doomed("l")).doomed == (*both, Doomed("l"))


def test_an_attempt_in_doubt_speaks_for_no_other_attempt_or_machine_or_launch():
    found = (Doomed("l", "i"), Doomed("other"), Doomed("l", client_token="a"))
    found += (Doomed("l", client_token="b"),)
    assert ServerState().with_doomed(*found).doomed == found


def test_without_a_launch_there_is_nothing_to_doom():
    state = ServerState(server_id="s")
    assert LetGo(1.0).after(state) == state
    assert state.with_doomed(Doomed("")) == state


ATTEMPT = Attempted("start", "token-1", "nonce", "spot", "t3.large", "f", "stop", 5.0)


def in_doubt(token="token-0"):
    launch = Launch("start", "start", Phase.REQUESTED, region="r", client_token=token)
    return Doubted("start", token).after(ServerState(launch=launch))


def test_an_attempt_in_doubt_stays_doomed_when_its_launch_goes_on_to_a_machine():
    doubtful = Doomed("start", "", "r", "token-0")
    state = ATTEMPT.after(in_doubt())
    assert state.doomed == (doubtful,)
    state = Named("start", "i", "1", "a").after(state)
    assert LetGo(1.0).after(state).doomed == (doubtful, Doomed("start", "i", "r"))


def test_a_launch_without_a_machine_is_doomed_with_all_its_attempts():
    assert LetGo(1.0).after(in_doubt()).doomed == (Doomed("start", "", "r"),)


def test_a_start_dooms_what_the_one_before_it_has_left():
    state = Begun("next", "s", 1.0).after(ServerState(launch=LAUNCH, profile="small"))
    assert state.doomed == (Doomed("l", "i"),)
    assert state.launch == Launch("next", "next")
    assert (state.server_id, state.profile) == ("s", "small")


def test_a_new_attempt_forgets_the_machine_that_has_died():
    launch = replace(LAUNCH, phase=Phase.BOOTING, private_ip="1", zone="a")
    after = ATTEMPT.after(ServerState(launch=launch)).current
    assert (after.phase, after.client_token) == (Phase.REQUESTED, "token-1")
    assert not (after.instance_id or after.private_ip or after.zone)
    assert (after.market, after.instance_type) == ("spot", "t3.large")
    assert (after.launched_at, after.ready_at) == (5.0, 0.0)
