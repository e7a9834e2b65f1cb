"""What each event does to a state, and when it is possible."""

from dataclasses import replace

import pytest

from ec2spawner.core import events, kept_events, notice_events, ready_events
from ec2spawner.core.event import Event, NotNow
from ec2spawner.core.events import (
    Attempted,
    Begun,
    Chosen,
    Claimed,
    Doubted,
    EndedByItself,
    Gone,
    HubRestarted,
    LetGo,
    Named,
    Ordered,
    Planned,
    Ready,
    Rebooted,
    Refused,
    Remembered,
    StoppedAsWished,
    Waking,
    Wanted,
    WokenInVain,
)
from ec2spawner.core.idleness import IdlePolicy
from ec2spawner.core.kept_events import StoppedMachineUnwanted
from ec2spawner.core.notice_events import (
    Announced,
    Kept,
    OutOfBudget,
    OutOfTime,
    Rescued,
    Silent,
)
from ec2spawner.core.ready_events import Given, TakenBack
from ec2spawner.core.state import (
    Act,
    Doomed,
    LastStop,
    Launch,
    Phase,
    ServerState,
    StoppedMachine,
    Wish,
)

from .when_possible import IN_MEMORY, PHASES, SERVING


def test_every_event_is_here():
    assert set(PHASES) == set(Event.__subclasses__())
    modules = (events, kept_events, notice_events, ready_events)
    assert {e.__module__ for e in PHASES} == {m.__name__ for m in modules}


def named(*classes):
    return {each.__name__ for each in classes}


def test_what_the_next_process_can_do_without_is_not_saved():
    lost = named(*(e for e in Event.__subclasses__() if not e.saved))
    assert lost == {"Begun", "Chosen", "HubRestarted", "Planned"}


def test_what_is_asked_of_others_next_is_saved_before_it_is():
    ahead = named(*(e for e in Event.__subclasses__() if e.ahead))
    assert ahead == {
        *("Attempted", "Claimed", "Given", "HomeKnown", "Remembered", "Waking")
    }


def launch_in(phase, wish=Wish.SERVE, **more):
    more = {"instance_id": "i-1", "ready_at": 1.0, "on_stop": "stop", **more}
    return ServerState(launch=Launch("start", "launch", phase, wish, **more))


EXAMPLES = [
    Planned("start", "r", "ami", "f", 1, 1, "", 0.0, {}),
    Attempted("start", "token", "nonce", "spot", "t", "f", "", 1.0),
    Doubted("start", "token"),
    Refused("start"),
    Waking("start", "t", "nonce", 1.0),
    Named("start", "i-1", "1.1.1.1", "a"),
    Claimed("key", 1.0),
    Remembered(IN_MEMORY),
    Ordered(1.0),
    Ready(1.0),
    WokenInVain("start"),
    Rebooted(),
    Silent(1.0),
    Announced("soon"),
    Rescued("no home"),
    OutOfBudget("spent"),
    OutOfTime("idle", LastStop("idle", 1.0)),
    Kept(7.0, 2.0, 1.0),
    Wanted(Wish.END),
    EndedByItself("lost"),
    StoppedAsWished(1.0),
    Gone(),
    Given("start", "launch", "i-1", "1.1.1.1", "a", "t", "spot", "n", "k", "f", "", 1),
    TakenBack("start"),
]


def test_all_that_need_a_launch_are_among_the_examples():
    assert {type(e) for e in EXAMPLES} == {e for e in PHASES if PHASES[e]}


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: type(e).__name__)
def test_an_event_is_possible_in_its_phases_and_no_others(event, phase):
    wish = Wish.KEEP if isinstance(event, StoppedAsWished) else Wish.SERVE
    state = launch_in(phase, wish)
    if isinstance(event, TakenBack):
        state = state.with_launch(machine_key_hash="key")
    if isinstance(event, Waking):
        state = replace(state, stopped=StoppedMachine("old", "i-0"))
    if phase in PHASES[type(event)]:
        event.after(state)
    else:
        with pytest.raises(NotNow):
            event.after(state)
    with pytest.raises(NotNow):
        event.after(ServerState())


@pytest.mark.parametrize("wish", [Wish.KEEP, Wish.END])
@pytest.mark.parametrize(
    "event", [e for e in EXAMPLES if type(e) in SERVING], ids=lambda e: type(e).__name__
)
def test_what_serves_is_not_possible_once_the_server_is_to_stop(event, wish):
    for phase in PHASES[type(event)]:
        state = launch_in(phase, wish)
        state = replace(state, stopped=StoppedMachine("old", "i-0"))
        with pytest.raises(NotNow):
            event.after(state)


@pytest.mark.parametrize(
    "event",
    [e for e in EXAMPLES if hasattr(e, "start_id")],
    ids=lambda e: type(e).__name__,
)
def test_what_comes_late_from_another_start_is_not_of_this_one(event):
    for phase in PHASES[type(event)]:
        state = replace(launch_in(phase), stopped=StoppedMachine("old", "i-0"))
        with pytest.raises(NotNow):
            replace(event, start_id="another").after(state)


def test_a_machine_is_stopped_only_if_that_is_wished_and_worth_it():
    for state in (
        launch_in(Phase.READY),
        launch_in(Phase.READY, Wish.END),
        launch_in(Phase.READY, Wish.KEEP, on_stop=""),
        launch_in(Phase.READY, Wish.KEEP, market="spot"),
        launch_in(Phase.BOOTING, Wish.KEEP, ready_at=0.0),
    ):
        with pytest.raises(NotNow):
            StoppedAsWished(1.0).after(state)
    after = StoppedAsWished(1.0).after(launch_in(Phase.READY, Wish.KEEP))
    assert after.stopped.certain and after.current.phase is Phase.OVER


def test_a_ready_server_makes_the_last_end_old_news():
    state = replace(launch_in(Phase.CLAIMED), last_end="EC2 has lost it")
    assert Ready(1.0).after(state).last_end == ""
    assert Begun("next", "server", 1.0).after(state).last_end == "EC2 has lost it"


IDLE = IdlePolicy(idle_timeout=3600.0)
#: (event, the launch before, what it changes of it)
CHANGES = [
    (
        Planned("start", "r", "ami", "f", 7, 80, "stop", 60.0, {"/d": "sdg"}),
        {"phase": Phase.PLANNED, "max_lifetime": 1.0, "token_made": 1.0, "idle": IDLE},
        {"region": "r", "image_id": "ami", "fingerprint": "f", "token_id": 7}
        | {"port": 80, "on_stop": "stop", "stopped_ttl": 60.0, "idle": IdlePolicy()}
        | {"data_devices": {"/d": "sdg"}, "max_lifetime": 0.0, "token_made": 0.0},
    ),
    (
        Planned("start", "", "", "", 0, 0, "", 0.0, {}, 3600.0, IDLE, 5.0),
        {"phase": Phase.PLANNED, "on_stop": ""},
        {"max_lifetime": 3600.0, "idle": IDLE, "token_made": 5.0},
    ),
    (
        Attempted("start", "token", "nonce", "spot", "t", "f", "hibernate", 9.0),
        {"phase": Phase.BOOTING, "private_ip": "1", "zone": "a", "failed_wakes": 1}
        | {"woken": IN_MEMORY},
        {"id": "start", "phase": Phase.REQUESTED, "client_token": "token"}
        | {"nonce_hash": "nonce", "market": "spot", "instance_type": "t"}
        | {"fingerprint": "f", "on_stop": "hibernate", "launched_at": 9.0}
        | {"instance_id": "", "private_ip": "", "zone": "", "ready_at": 0.0}
        | {"failed_wakes": 0, "woken": None},
    ),
    (
        Named("start", "i-1", "1.1.1.1", "a"),
        {"phase": Phase.REQUESTED, "failed_wakes": 1, "woken": IN_MEMORY},
        {"phase": Phase.BOOTING, "private_ip": "1.1.1.1", "zone": "a"},
    ),
    (
        Named("start", "i-2", "1.1.1.1", "a"),
        {"phase": Phase.REQUESTED, "failed_wakes": 1, "woken": IN_MEMORY},
        {"phase": Phase.BOOTING, "private_ip": "1.1.1.1", "zone": "a"}
        | {"instance_id": "i-2", "ready_at": 0.0, "failed_wakes": 0, "woken": None},
    ),
    (
        Claimed("key", 9.0),
        {"phase": Phase.BOOTING},
        {"phase": Phase.CLAIMED, "claimed_at": 9.0, "machine_key_hash": "key"},
    ),
    (Remembered(IN_MEMORY), {"phase": Phase.READY}, {"server": IN_MEMORY}),
    (Ordered(9.0), {"phase": Phase.CLAIMED}, {"ordered_at": 9.0}),
    (
        Ready(9.0),
        {"phase": Phase.CLAIMED, "failed_wakes": 1},
        {"phase": Phase.READY, "ready_at": 9.0, "failed_wakes": 0},
    ),
    (
        WokenInVain("start"),
        {"phase": Phase.CLAIMED, "failed_wakes": 1},
        {"failed_wakes": 2},
    ),
    (
        Rebooted(),
        {"phase": Phase.READY, "silent_since": 1.0, "woken": IN_MEMORY},
        {"phase": Phase.CLAIMED, "silent_since": 0.0, "woken": None},
    ),
    (Wanted(Wish.END), {"phase": Phase.READY}, {"wish": Wish.END}),
    (Wanted(Wish.KEEP), {"phase": Phase.READY, "wish": Wish.END}, {}),
    (Gone(), {"phase": Phase.READY}, {"phase": Phase.OVER}),
    (Refused("start"), {"phase": Phase.REQUESTED}, {"phase": Phase.OVER}),
    (HubRestarted(), {"phase": Phase.PLANNED}, {"phase": Phase.OVER}),
    (HubRestarted(), {"phase": Phase.REQUESTED}, {}),
]


@pytest.mark.parametrize("event, before, change", CHANGES)
def test_what_an_event_changes_of_a_launch_and_nothing_else(event, before, change):
    state = launch_in(**before)
    after = event.after(state)
    assert after.current == replace(state.current, **change)
    assert replace(after, launch=state.launch) == state


def test_a_machine_that_never_served_was_not_woken_in_vain():
    with pytest.raises(NotNow, match="never served"):
        WokenInVain("start").after(launch_in(Phase.BOOTING, ready_at=0.0))


def test_a_profile_is_chosen_before_and_while_a_server_runs():
    for state in (ServerState(), launch_in(Phase.READY)):
        assert Chosen("small").after(state) == replace(state, profile="small")


def test_the_machine_that_is_woken_is_the_one_that_was_stopped():
    stopped = StoppedMachine(
        *("old", "i-0", "1", "a", "r", "t", "f"),
        ready_at=2.0,
        failed_wakes=1,
        server=IN_MEMORY,
    )
    state = ServerState(launch=Launch("start", "start"), stopped=stopped)
    after = Waking("start", "bigger", "nonce", 9.0).after(state)
    assert after == replace(
        state,
        launch=Launch(
            "start",
            "old",
            Phase.REQUESTED,
            launched_at=9.0,
            instance_id="i-0",
            private_ip="1",
            zone="a",
            instance_type="bigger",
            nonce_hash="nonce",
            ready_at=2.0,
            failed_wakes=1,
            fingerprint="f",
            woken=IN_MEMORY,
        ),
    )
    with pytest.raises(NotNow, match="no machine is stopped"):
        Waking("start", "t", "nonce", 1.0).after(replace(state, stopped=None))
    # Awake, it is no longer one that is stopped; another one leaves it as it is.
    assert Named("start", "i-0", "1", "a").after(after).stopped is None
    other = Named("start", "i-9", "1", "a").after(after)
    assert other.stopped == stopped


def test_one_that_was_stopped_is_given_up_once_another_serves():
    state = replace(launch_in(Phase.CLAIMED), stopped=StoppedMachine("old", "i-0"))
    after = Ready(1.0).after(state)
    assert (after.stopped, after.doomed) == (None, (Doomed("old", "i-0"),))
    awake = Ready(1.0).after(launch_in(Phase.CLAIMED))
    assert (awake.stopped, awake.doomed) == (None, ())


def test_what_ec2_has_ended_is_not_stopped_any_more_and_others_are():
    mine, other = StoppedMachine("launch", "i-1"), StoppedMachine("old", "i-0")
    for event in (Gone(), LetGo(1.0)):
        state = replace(launch_in(Phase.REQUESTED, Wish.END), stopped=mine)
        assert event.after(state).stopped is None
        state = replace(state, stopped=other)
        assert event.after(state).stopped == other


def test_a_launch_that_is_let_go_while_its_machine_is_to_be_kept_is_kept_uncertain():
    kept = LetGo(9.0).after(launch_in(Phase.READY, Wish.KEEP))
    assert (kept.launch, kept.doomed) == (None, ())
    assert (kept.stopped.since, kept.stopped.certain) == (9.0, False)
    over = LetGo(9.0).after(launch_in(Phase.OVER, Wish.KEEP))
    assert over == ServerState()


def test_the_first_reason_of_an_end_is_kept():
    state = EndedByItself("EC2 has lost it").after(launch_in(Phase.READY))
    assert state.last_end == "EC2 has lost it"
    state = replace(launch_in(Phase.READY), last_end="the first")
    assert EndedByItself("the second").after(state).last_end == "the first"


def test_a_launch_that_asked_for_nothing_leaves_nothing():
    state = ServerState(launch=Launch("start", "launch"))
    assert LetGo(1.0).after(state) == ServerState()


def test_another_machine_than_the_one_to_be_woken_has_never_served():
    """EC2 shows a second one of the launch, and the first may be awake."""
    stopped = StoppedMachine("old", "i-1", ready_at=1.0, certain=True, server=IN_MEMORY)
    state = ServerState(launch=Launch("start", "start", on_stop="stop"))
    state = Waking("start", "t", "nonce", 1.0).after(replace(state, stopped=stopped))
    state = Wanted(Wish.KEEP).after(state)
    after = Named("start", "i-2", "1.1.1.1", "a").after(state)
    assert not after.current.worth_keeping and after.current.woken is None
    assert after.stopped == replace(stopped, certain=False)


STOPPED = StoppedMachine("old", "i-0", ready_at=1.0, certain=True)


def test_a_stopped_machine_that_nobody_wants_is_doomed():
    after = StoppedMachineUnwanted(STOPPED).after(ServerState(stopped=STOPPED))
    assert after == ServerState(doomed=(Doomed("old", "i-0"),))


@pytest.mark.parametrize("event", [EXAMPLES[1], Refused("start")])
def test_a_machine_that_was_to_wake_up_and_is_given_up_may_be_awake(event):
    """EC2 may have done what it did not answer: it is stopped once more."""
    state = ServerState(launch=Launch("start", "start"), stopped=STOPPED)
    state = Waking("start", "t", "nonce", 1.0).after(state)
    assert event.after(state).stopped == replace(STOPPED, certain=False)


@pytest.mark.parametrize("on_stop, then", [("", "stop"), ("hibernate", "hibernate")])
def test_what_is_out_of_budget_is_stopped_and_not_ended(on_stop, then):
    state = launch_in(Phase.READY, on_stop=on_stop)
    after = OutOfBudget("spent").after(state)
    assert after.current.act is Act.STOP and after.current.on_stop == then
    assert after.last_end == "spent"


def test_a_server_whose_time_is_over_stops_as_its_settings_say_and_facts_stay():
    stop = LastStop("idle", 9.0, 1.0, 0.5)
    for on_stop, act in (("", Act.TERMINATE), ("stop", Act.STOP)):
        after = OutOfTime("idle", stop).after(launch_in(Phase.READY, on_stop=on_stop))
        assert after.current.act is act
        assert (after.last_end, after.last_stop) == ("idle", stop)
