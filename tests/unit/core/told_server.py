"""A server, and beside its own state what EC2 has told of it: what is always so."""

import itertools
import json

from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine, invariant

from ec2spawner.core.event import NotNow
from ec2spawner.core.events import (
    Attempted,
    Begun,
    Doubted,
    Gone,
    Named,
    Refused,
    StoppedAsWished,
    Waking,
)
from ec2spawner.core.kept_events import (
    DoomedGone,
    StopConfirmed,
    StoppedMachineGone,
)
from ec2spawner.core.saved_state import from_dict, to_dict
from ec2spawner.core.state import Phase, ServerState, Wish

from .when_possible import PHASES, SERVING

WISHES = list(Wish)


class ToldServer(RuleBasedStateMachine):
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
