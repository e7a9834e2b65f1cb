"""Whatever happens to a server, in any order: no machine is ever forgotten."""

import json
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    rule,
    run_state_machine_as_test,
)

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
from ec2spawner.core.notice_events import (
    Announced,
    Kept,
    OutOfBudget,
    OutOfTime,
    Rescued,
)
from ec2spawner.core.ready_events import Given, TakenBack
from ec2spawner.core.saved_state import from_dict, to_dict
from ec2spawner.core.state import (
    Doomed,
    HomeRef,
    LastStop,
    Phase,
    StoppedMachine,
    Wish,
)

from .told_server import ToldServer
from .when_possible import IN_MEMORY


class AServer(ToldServer):
    """One server, to which anything may happen at any time."""

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
    def given(self):
        what = (self.new("launch"), self.new("i"), "1.1.1.1", "a", "t", "on-demand")
        self.happens(
            Given(self.start_id, *what, "nonce", self.new("key"), "f", "", self.now)
        )

    @rule()
    def taken_back(self):
        before = self.state.current
        if self.happens(TakenBack(self.start_id)):
            assert before.doomed in self.state.doomed and not before.claimed_at
            assert self.state.current.phase is Phase.PLANNED

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
    def out_of_time(self):
        self.happens(OutOfTime("idle", LastStop("idle", self.now, 1.0, 0.5)))

    @rule()
    def kept(self):
        self.happens(Kept(self.now, self.now + 9, 9.0))

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


#: by night ten times as many
STORIES = (100, pytest.param(1000, marks=pytest.mark.slow))


@pytest.mark.parametrize("stories", STORIES)
def test_whatever_happens_in_any_order_no_machine_is_forgotten(stories):
    run_state_machine_as_test(
        AServer, settings=settings(max_examples=stories, stateful_step_count=30)
    )
