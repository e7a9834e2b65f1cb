"""Whatever happens to a server, in any order: no machine is ever forgotten."""

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ec2spawner.core import events, kept_events
from ec2spawner.core.event import Event, NotNow
from ec2spawner.core.events import (
    Announced,
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
    Refused,
    Remembered,
    Rescued,
    StoppedAsWished,
    Waking,
    Wanted,
    WokenInVain,
)
from ec2spawner.core.kept_events import (
    DoomedGone,
    HomeKnown,
    StopConfirmed,
    StoppedMachineGone,
    StoppedMachineUnwanted,
)
from ec2spawner.core.saved_state import from_dict, to_dict
from ec2spawner.core.state import (
    Doomed,
    HomeRef,
    Launch,
    Phase,
    ServerInMemory,
    ServerState,
    StoppedMachine,
    Wish,
)

UNDER_WAY = {
    Phase.PLANNED,
    Phase.REQUESTED,
    Phase.BOOTING,
    Phase.CLAIMED,
    Phase.READY,
}
#: event -> the phases of a launch that it needs; None when it needs no launch
PHASES = {
    Begun: None,
    Chosen: None,
    Planned: {Phase.PLANNED},
    Attempted: {Phase.PLANNED, Phase.REQUESTED, Phase.BOOTING},
    Doubted: {Phase.REQUESTED},
    Refused: {Phase.PLANNED, Phase.REQUESTED},
    Waking: {Phase.PLANNED},
    WokenInVain: {Phase.BOOTING, Phase.CLAIMED},
    Named: {Phase.REQUESTED},
    Claimed: {Phase.BOOTING},
    Remembered: {Phase.CLAIMED, Phase.READY},
    Ordered: {Phase.CLAIMED, Phase.READY},
    Ready: {Phase.CLAIMED},
    Announced: UNDER_WAY,
    Rescued: UNDER_WAY,
    Wanted: UNDER_WAY,
    EndedByItself: UNDER_WAY,
    StoppedAsWished: UNDER_WAY,
    Gone: UNDER_WAY,
    LetGo: None,
    HubRestarted: None,
    StopConfirmed: None,
    StoppedMachineGone: None,
    StoppedMachineUnwanted: None,
    DoomedGone: None,
    HomeKnown: None,
}
#: those that only a launch which is still to serve allows
SERVING = {Planned, Attempted, Waking, Claimed, Ready, EndedByItself}

IN_MEMORY = ServerInMemory("key", "prefix", "hash", "digest")
WISHES = list(Wish)


def test_every_event_is_here():
    assert set(PHASES) == set(Event.__subclasses__())
    assert {e.__module__ for e in PHASES} == {events.__name__, kept_events.__name__}


class AServer(RuleBasedStateMachine):
    """One server, and what EC2 has told of it."""

    def __init__(self):
        super().__init__()
        self.state = ServerState()
        self.ids = (f"{n}" for n in itertools.count(1))
        self.now = 1000.0
        #: instance ids that EC2 has named and whose end it has not confirmed
        self.alive = set()
        #: instance ids that EC2 was asked to wake, and has not stopped since
        self.may_be_awake = set()
        #: launch ids of requests of which nobody knows what EC2 has made
        self.unanswered = set()
        #: (launch id, client token) of attempts that stayed in doubt
        self.in_doubt = set()

    # -- how things happen -----------------------------------------------------------

    def happens(self, event):
        """:returns: whether the event was possible"""
        note(f"{event}")
        self.now += 1
        before, saved = self.state, to_dict(self.state)
        try:
            self.state = event.after(before)
        except NotNow:
            assert self.state is before and to_dict(before) == saved
            return False
        self.check_was_possible(event, before.launch)
        self.check_wish(event, before.launch)
        self.tell(event, before)
        return True

    @staticmethod
    def check_was_possible(event, launch):
        phases = PHASES[type(event)]
        if phases is None:
            return
        assert launch is not None and launch.phase in phases
        assert launch.wish is Wish.SERVE or type(event) not in SERVING
        assert getattr(event, "start_id", launch.start_id) == launch.start_id

    def check_wish(self, event, before):
        after = self.state.launch
        if before and after and not isinstance(event, Begun):
            assert WISHES.index(after.wish) >= WISHES.index(before.wish)

    def tell(self, event, before):
        """What EC2 has said by an event, beside our own books."""
        launch = before.current
        match event:
            case Named(instance_id=named):
                self.alive.add(named)
                self.unanswered.discard(launch.id)
            case Gone():
                self.alive.discard(launch.instance_id)
                self.unanswered.discard(launch.id)
            case Refused():
                self.unanswered.discard(launch.id)
            case Attempted(start_id=start_id):
                if launch.phase is Phase.BOOTING:
                    self.alive.discard(launch.instance_id)
                self.unanswered.add(start_id)
            case Waking():
                self.may_be_awake.add(self.state.current.instance_id)
            case StoppedAsWished():
                self.may_be_awake.discard(launch.instance_id)
            case StopConfirmed(machine=machine):
                self.may_be_awake.discard(machine.instance_id)
            case Doubted(client_token=token):
                self.in_doubt.add((launch.id, token))
            case StoppedMachineGone(machine=machine):
                self.alive.discard(machine.instance_id)
            case DoomedGone(doomed=doomed) if doomed in before.doomed:
                self.alive.discard(doomed.instance_id)
                if not doomed.instance_id:
                    self.unanswered.discard(doomed.launch_id)
                    self.in_doubt = {
                        (launch_id, token)
                        for launch_id, token in self.in_doubt
                        if launch_id != doomed.launch_id
                        or doomed.client_token not in ("", token)
                    }

    def new(self, kind):
        return f"{kind}-{next(self.ids)}"

    @property
    def start_id(self):
        return self.state.current.start_id

    # -- the events, each at any time ------------------------------------------------

    @rule()
    def begun(self):
        self.happens(Begun(self.new("start"), "server", self.now))

    @rule(profile=st.sampled_from(["", "small"]))
    def chosen(self, profile):
        self.happens(Chosen(profile))

    @rule(
        on_stop=st.sampled_from(["", "stop", "hibernate"]),
        ttl=st.sampled_from([0.0, 5.0]),
    )
    def planned(self, on_stop, ttl):
        devices = {"/data": "/dev/sdf"}
        start_id, token_id, port = self.start_id, 7, 8888
        self.happens(
            Planned(start_id, "r", "ami", "f", token_id, port, on_stop, ttl, devices)
        )

    @rule(
        market=st.sampled_from(["on-demand", "spot"]),
        on_stop=st.sampled_from(["", "stop", "hibernate"]),
    )
    def attempted(self, market, on_stop):
        start_id, token = self.start_id, self.new("token")
        self.happens(
            Attempted(start_id, token, "nonce", market, "t", "f", on_stop, self.now)
        )

    @rule()
    def doubted(self):
        self.happens(Doubted(self.start_id, self.state.current.client_token or "none"))

    @rule()
    def refused(self):
        self.happens(Refused(self.start_id))

    @rule()
    def waking(self):
        self.happens(Waking(self.start_id, "t", "nonce", self.now))

    @rule()
    def woken_in_vain(self):
        before = self.state.current
        if self.happens(WokenInVain(self.start_id)):
            assert before.ready_at
            assert self.state.current.failed_wakes == before.failed_wakes + 1

    @rule()
    def named(self):
        """The machine that was to be woken, or one of which nobody knew yet."""
        woken = self.state.current.instance_id
        self.happens(Named(self.start_id, woken or self.new("i"), "1.1.1.1", "a"))

    @rule()
    def another_machine_is_named(self):
        self.happens(Named(self.start_id, self.new("i"), "1.1.1.1", "a"))

    @rule(late=st.sampled_from([Doubted, Refused, Named, Waking, Attempted]))
    def an_answer_comes_to_another_start(self, late):
        arguments = {
            Doubted: ("token",),
            Refused: (),
            Named: (self.new("i"), "1.1.1.1", "a"),
            Waking: ("t", "nonce", self.now),
            Attempted: ("token", "nonce", "spot", "t", "f", "", self.now),
        }
        assert not self.happens(late("start-0", *arguments[late]))

    @rule()
    def claimed(self):
        self.happens(Claimed(self.new("key"), self.now))

    @rule(server=st.sampled_from([None, IN_MEMORY]))
    def remembered(self, server):
        self.happens(Remembered(server))

    @rule()
    def ordered(self):
        self.happens(Ordered(self.now))

    @rule()
    def ready(self):
        self.happens(Ready(self.now))

    @rule()
    def announced(self):
        self.happens(Announced("it ends soon"))

    @rule()
    def rescued(self):
        self.happens(Rescued("no home"))

    @rule(wish=st.sampled_from(Wish))
    def wanted(self, wish):
        self.happens(Wanted(wish))

    @rule()
    def ended_by_itself(self):
        self.happens(EndedByItself("EC2 has lost it"))

    @rule()
    def stopped_as_wished(self):
        self.happens(StoppedAsWished(self.now))

    @rule()
    def gone(self):
        self.happens(Gone())

    @rule()
    def let_go(self):
        self.happens(LetGo(self.now))

    @rule()
    def hub_restarted(self):
        """Whatever was not written to the database is lost, and nothing else."""
        self.state = from_dict(json.loads(json.dumps(to_dict(self.state))))
        self.happens(HubRestarted())
        assert self.state.current.phase is not Phase.PLANNED

    def of_the_stopped_machine(self, kind, late=False):
        machine = self.state.stopped or StoppedMachine("launch", "i")
        if late:
            machine = replace(machine, since=1.0)
        possible = self.happens(kind(machine))
        assert not (late and possible)

    @rule()
    def stop_confirmed(self):
        self.of_the_stopped_machine(StopConfirmed)

    @rule()
    def stopped_machine_gone(self):
        self.of_the_stopped_machine(StoppedMachineGone)

    @rule()
    def stopped_machine_unwanted(self):
        self.of_the_stopped_machine(StoppedMachineUnwanted)

    @rule(
        kind=st.sampled_from(
            [StopConfirmed, StoppedMachineGone, StoppedMachineUnwanted]
        )
    )
    def word_comes_of_a_machine_that_was_stopped_before(self, kind):
        self.of_the_stopped_machine(kind, late=True)

    @rule(which=st.integers(0, 3), late=st.booleans())
    def doomed_gone(self, which, late):
        doomed = (*self.state.doomed, Doomed("launch"))[:4]
        self.happens(
            DoomedGone(Doomed("late") if late else doomed[which % len(doomed)])
        )

    @rule(home=st.sampled_from([None, HomeRef("vol-1", "r", "user", True)]))
    def home_known(self, home):
        self.happens(HomeKnown(home))

    # -- days as they mostly are, to get everywhere -----------------------------------

    @rule(on_stop=st.sampled_from(["", "stop", "hibernate"]))
    def a_server_runs(self, on_stop):
        self.begun()
        self.planned(on_stop, 5.0)
        self.attempted("on-demand", on_stop)
        self.named()
        self.claimed()
        self.ready()

    @rule()
    def a_server_is_stopped(self):
        self.a_server_runs("stop")
        self.wanted(Wish.KEEP)
        self.stopped_as_wished()
        self.let_go()
        assert self.state.stopped

    @rule()
    def a_server_is_being_woken(self):
        self.a_server_is_stopped()
        self.begun()
        self.planned("stop", 5.0)
        self.waking()
        assert self.state.current.phase is Phase.REQUESTED

    # -- what is always so -------------------------------------------------------------

    def in_use(self):
        launch = self.state.current
        return {launch.instance_id} - {""} if self.state.may_have_machine else set()

    def stopped(self):
        return {self.state.stopped.instance_id} if self.state.stopped else set()

    def doomed(self):
        return {each.instance_id for each in self.state.doomed} - {""}

    @invariant()
    def no_machine_is_forgotten(self):
        assert self.alive <= self.in_use() | self.stopped() | self.doomed()

    @invariant()
    def no_request_is_forgotten(self):
        launch = self.state.current
        asked = {launch.id} if launch.phase is Phase.REQUESTED else set()
        doomed = {
            each.launch_id
            for each in self.state.doomed
            if not each.instance_id and not each.client_token
        }
        assert self.unanswered <= asked | doomed
        tokens = {(each.launch_id, each.client_token) for each in self.state.doomed}
        for launch_id, token in self.in_doubt:
            assert launch_id in doomed or (launch_id, token) in tokens

    @invariant()
    def nobody_uses_what_is_doomed(self):
        assert not self.doomed() & (self.in_use() | self.stopped())

    @invariant()
    def a_stopped_machine_is_in_use_only_while_it_is_woken(self):
        if self.in_use() & self.stopped():
            assert self.state.current.phase is Phase.REQUESTED

    @invariant()
    def a_machine_that_may_be_awake_is_not_taken_for_stopped(self):
        stopped = self.state.stopped
        if stopped and stopped.instance_id not in self.in_use():
            assert not (stopped.certain and stopped.instance_id in self.may_be_awake)

    @invariant()
    def it_survives_the_database(self):
        saved = json.loads(json.dumps(to_dict(self.state)))
        assert from_dict(saved) == self.state


def test_whatever_happens_in_any_order_no_machine_is_forgotten():
    run_state_machine_as_test(
        AServer, settings=settings(max_examples=200, stateful_step_count=30)
    )


# -- one by one ------------------------------------------------------------------------


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
    Announced("soon"),
    Rescued("no home"),
    Wanted(Wish.END),
    EndedByItself("lost"),
    StoppedAsWished(1.0),
    Gone(),
]


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: type(e).__name__)
def test_an_event_is_possible_in_its_phases_and_no_others(event, phase):
    wish = Wish.KEEP if isinstance(event, StoppedAsWished) else Wish.SERVE
    state = launch_in(phase, wish)
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
