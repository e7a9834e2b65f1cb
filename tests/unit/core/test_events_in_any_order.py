"""Whatever happens to a server, in any order: no machine is ever forgotten."""

import itertools
import json
from dataclasses import replace

from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ec2spawner.core.event import NotNow
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
from ec2spawner.core.kept_events import (
    DoomedGone,
    HomeKnown,
    StopConfirmed,
    StoppedMachineGone,
    StoppedMachineUnwanted,
)
from ec2spawner.core.notice_events import Announced, OutOfBudget, Rescued
from ec2spawner.core.saved_state import from_dict, to_dict
from ec2spawner.core.state import (
    Doomed,
    HomeRef,
    Phase,
    ServerState,
    StoppedMachine,
    Wish,
)

from .when_possible import IN_MEMORY, PHASES, SERVING

WISHES = list(Wish)


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
    def rebooted(self):
        self.happens(Rebooted())

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
    def out_of_budget(self):
        self.happens(OutOfBudget("spent"))

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
