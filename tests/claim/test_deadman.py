"""When a machine powers itself off, told by a clock of our own."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ec2spawner.claim.agent.wire import Answer
from ec2spawner.claim.agent.work import deadman
from ec2spawner.claim.agent.work.deadman import DeadMan, read_number

HOUR = 3600.0
DAY = 24 * HOUR


class Ended(Exception):
    """The machine has powered itself off; the text says why."""


class FakeHub:
    """A Hub that answers as it is told to; None for not at all."""

    def __init__(self):
        self.status, self.limit, self.ours = 200, DAY, True
        self.asked = self.answers = 0
        self.told = None

    def post(self, what, body):
        assert (what, body) == ("heartbeat", {})
        self.asked += 1
        if self.status is None:
            raise OSError("no route")
        self.answers += self.status == 200
        answer = {"hub_silence_limit": self.limit, "told": self.told}
        body = json.dumps(answer).encode()
        return Answer(self.status, body, self.ours)


class Machine:
    """A machine whose time passes when a test says so."""

    def __init__(self, folder, hub=None, **orders):
        self.folder, self.hub, self.launch = folder, hub or FakeHub(), 1
        self.orders = {"hub_silence_limit": DAY, "max_lifetime": 0, **orders}
        self.now = 1000.0
        self.warnings = []
        self.agent = None
        self.is_on = True

    def boot(self):
        """A boot: the claim has just been answered, and nothing is in /run."""
        (self.folder / "run").mkdir(parents=True, exist_ok=True)
        for file in (self.folder / "run").iterdir():
            file.unlink()
        self.now = self.heard_at = 5.0  # the monotonic clock begins anew
        self.start_agent()
        return self

    def start_agent(self):
        folders = (str(self.folder / "run"), str(self.folder / "disk"))
        self.agent = DeadMan(
            self.hub,
            self.orders,
            str(self.launch),
            folders,
            self.warnings.append,
            self.end,
        )

    def end(self, why):
        self.is_on = False
        raise Ended(why)

    def live(self, seconds, step=200.0):
        """Let time pass, and the agent look as often as it would."""
        until = self.now + seconds
        while self.now < until:
            self.now += min(step, until - self.now)
            if why := self.agent.look():
                self.end(why)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    made = []

    def make(**orders):
        made.append(Machine(tmp_path / str(len(made)), **orders))
        return made[-1].boot()

    monkeypatch.setattr(deadman.time, "monotonic", lambda: made[-1].now)
    return make


def test_a_machine_that_the_hub_knows_lives_on(machine):
    one = machine()
    one.live(3 * DAY)
    assert 500 < one.hub.asked < 1200, "every five minutes, give or take"


def test_a_machine_ends_when_the_hub_has_been_silent_for_its_limit(machine):
    one = machine()
    one.hub.status = None
    one.live(DAY - 600)
    with pytest.raises(Ended, match="no word from the Hub"):
        one.live(HOUR)
    assert len(one.warnings) == 1, "it has said so before, once"
    assert "powers itself off in" in one.warnings[0]


def test_a_silence_is_warned_of_when_half_of_its_limit_is_over(machine):
    one = machine()
    one.live(HOUR)
    one.hub.status = None
    one.now, heard = one.agent.heard, one.agent.heard
    one.live(12 * HOUR - 60, step=30)
    assert not one.warnings
    one.live(120, step=30)
    assert len(one.warnings) == 1
    left = int(one.warnings[0].split()[-2])
    assert abs(left - (heard + DAY - one.now)) <= 120


def test_a_second_silence_is_warned_of_again(machine):
    one = machine()
    for silences in (1, 2, 3):
        one.hub.status = None
        one.live(23 * HOUR)
        assert len(one.warnings) == silences
        one.hub.status = 200
        one.live(HOUR)
        assert len(one.warnings) == silences


@pytest.mark.parametrize("status", [403, 404, 500, 503, 200])
def test_an_answer_that_is_no_word_from_the_hub_counts_as_silence(machine, status):
    one = machine()
    one.hub.status = status
    one.hub.limit = "soon"  # of a 200
    one.live(23 * HOUR)
    with pytest.raises(Ended):
        one.live(2 * HOUR)


def test_a_hub_that_is_away_for_a_night_ends_nothing(machine):
    one = machine()
    for _ in range(5):
        one.hub.status = None
        one.live(12 * HOUR + 60)
        one.hub.status = 200
        one.live(HOUR)
    assert one.is_on


def test_a_machine_that_was_frozen_asks_again_before_it_ends(machine):
    one = machine()
    one.live(HOUR)
    one.hub.status = None
    one.now += 10 * DAY
    one.live(60)
    one.hub.status = 200
    one.live(HOUR)
    assert one.is_on


@pytest.mark.parametrize("restarted", [False, True])
def test_after_any_silence_it_asks_three_times_before_it_ends(machine, restarted):
    one = machine()
    one.live(HOUR)
    one.hub.status = None
    one.now += 10 * DAY
    if restarted:
        one.start_agent()
    asked = one.hub.asked
    with pytest.raises(Ended, match="no word from the Hub"):
        one.live(HOUR)
    assert one.hub.asked - asked == 3


def test_it_asks_every_five_minutes_and_every_half_while_nobody_answers(
    machine, monkeypatch
):
    monkeypatch.setattr(deadman.random, "uniform", lambda low, high: (low + high) / 2)
    one = machine()

    def pauses(seconds):
        asked, beat = [], one.agent.beat

        def noted(now):
            asked.append(now)
            return beat(now)

        one.agent.beat = noted
        one.live(seconds, step=1)
        one.agent.beat = beat
        return {later - earlier for earlier, later in zip(asked, asked[1:])}

    assert pauses(1000) == {300}
    one.hub.status = None
    assert pauses(400) == {30}
    # A tenth of a limit that is shorter, from the answer on that names it.
    one.hub.status, one.hub.limit = 200, 500.0
    assert pauses(200) == {50}
    one.hub.limit = 100.0
    assert pauses(100) == {10}
    one.hub.status = None
    assert pauses(40) == {10}


def test_a_clock_that_jumps_has_seen_ten_minutes_of_its_life(machine):
    one = machine(max_lifetime=HOUR)
    one.now += DAY
    one.agent.look()
    assert one.agent.ran == 600


def test_a_machine_whose_server_the_hub_has_ended_ends_at_its_next_question(machine):
    one = machine()
    one.hub.status = 410
    with pytest.raises(Ended, match="the Hub has ended its server"):
        one.live(HOUR)


@pytest.mark.parametrize("status", [200, 404, 410, 503])
def test_somebody_else_ends_no_machine_and_is_no_word_from_the_hub(machine, status):
    """A proxy's page may be 410, and one that says that all is well proves nothing."""
    one = machine()
    one.hub.status, one.hub.ours = status, False
    one.live(23 * HOUR)
    with pytest.raises(Ended, match="no word from the Hub"):
        one.live(2 * HOUR)


def test_a_new_limit_holds_for_machines_that_run(machine):
    one = machine()
    one.hub.limit = 3 * DAY
    one.live(HOUR)
    one.hub.status = None
    one.live(2.9 * DAY)
    assert one.is_on


def test_the_silence_goes_on_when_the_agent_dies_and_comes_back(machine):
    one = machine()
    one.live(HOUR)
    one.hub.status = None
    with pytest.raises(Ended):
        for _ in range(26):
            one.live(HOUR)
            one.start_agent()


def test_a_boot_begins_with_an_answer_of_the_hub(machine):
    """It was the claim. Days of rest are no silence."""
    one = machine()
    one.live(HOUR)
    one.boot()
    one.hub.status = None
    one.live(23 * HOUR)
    assert one.is_on


def test_a_life_is_over_when_the_machine_has_run_for_so_long(machine):
    one = machine(max_lifetime=10 * HOUR)
    one.live(9.7 * HOUR)
    assert not one.warnings
    one.live(0.25 * HOUR)
    assert len(one.warnings) == 1 and "max_lifetime" in one.warnings[0]
    with pytest.raises(Ended, match="max_lifetime"):
        one.live(0.1 * HOUR)


@pytest.mark.parametrize("hours, before", [(10, 600), (1, 360)])
def test_the_end_of_a_life_is_warned_of_ten_minutes_before_or_a_tenth_of_it(
    machine, hours, before
):
    one = machine(max_lifetime=hours * HOUR)
    one.live(hours * HOUR - before)
    assert not one.warnings
    one.live(0.5)
    assert len(one.warnings) == 1


def test_a_life_goes_on_over_reboots_and_restarts_of_the_agent(machine):
    one = machine(max_lifetime=10 * HOUR)
    for number in range(9):
        one.live(HOUR)
        one.start_agent() if number % 2 else one.boot()
    with pytest.raises(Ended):
        one.live(1.2 * HOUR)


def test_a_machine_that_is_woken_or_made_from_the_disk_of_another_begins_anew(machine):
    one = machine(max_lifetime=10 * HOUR)
    one.live(9 * HOUR)
    one.launch += 1
    one.boot()
    one.live(9 * HOUR)
    assert one.is_on


def test_a_full_disk_stops_no_timer(machine, monkeypatch):
    def full(path, text):
        raise OSError(28, "No space left on device")

    one = machine(max_lifetime=10 * HOUR)
    monkeypatch.setattr(deadman, "write_private", full)
    with pytest.raises(Ended):
        one.live(11 * HOUR)


def passing(machine, monkeypatch):
    """Let the time of a timer pass while it waits. Returns its pauses."""
    waits = []

    def pause(seconds):
        waits.append(seconds)
        machine.now += seconds

    monkeypatch.setattr(machine.agent, "pause", pause)
    return waits


def test_a_timer_goes_on_whatever_goes_wrong_and_ends_the_machine_once(
    machine, monkeypatch
):
    one = machine(max_lifetime=HOUR)
    waits, beat, trouble = passing(one, monkeypatch), one.agent.beat, [1, 2, 3]

    def sometimes(now):
        if trouble:
            raise RuntimeError(trouble.pop())
        return beat(now)

    monkeypatch.setattr(one.agent, "beat", sometimes)
    with pytest.raises(Ended, match="max_lifetime"):
        one.agent.run()
    assert HOUR <= one.now - 5.0 < HOUR + 1 and not trouble
    # It looks often enough for the end to be on time, and no more often.
    assert max(waits) == 60 and 0.1 <= min(waits) < 0.2 and len(waits) < 100


def test_a_timer_looks_more_often_where_less_silence_is_allowed(machine, monkeypatch):
    one = machine(hub_silence_limit=100.0)
    one.hub.limit, one.hub.status = 100.0, None
    waits = passing(one, monkeypatch)
    with pytest.raises(Ended, match="no word from the Hub"):
        one.agent.run()
    assert max(waits) == 5.0 and 100 < one.now - 5.0 < 120


@pytest.mark.parametrize("text", ["", "{}", "[1]", '["i-1", "x"]', "\0"])
def test_a_note_that_cannot_be_read_counts_as_none(tmp_path, text):
    (tmp_path / "ran").write_text(text)
    assert read_number(str(tmp_path / "ran"), "i-1") == 0.0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 2.0)), max_size=6))
def test_a_machine_ends_after_a_whole_silence_and_never_before(tmp_path_factory, spans):
    """Any pattern of outages, in parts of the limit."""
    one = Machine(tmp_path_factory.mktemp("machine"))
    clock = pytest.MonkeyPatch()
    clock.setattr(deadman.time, "monotonic", lambda: one.now)
    try:
        one.boot()
        for up, share in spans:
            one.hub.status = 200 if up else None
            end, answers = one.now + share * DAY, one.hub.answers
            while one.now < end:
                try:
                    one.live(1200, step=600)
                except Ended:
                    assert one.now - one.heard_at > DAY
                    return
                if one.hub.answers > answers:
                    one.heard_at, answers = one.now, one.hub.answers
                assert one.now - one.heard_at <= DAY + 4 * 1200
    finally:
        clock.undo()


def test_what_the_hub_has_to_say_to_people_is_handed_on(machine):
    one = machine()
    told = []
    one.agent.tell = told.append
    one.hub.told = {"bar": "Medium"}
    one.live(HOUR)
    assert {"bar": "Medium"} in told
