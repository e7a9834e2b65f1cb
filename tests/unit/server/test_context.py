"""A server's state changes in one place, and what cannot be read stays as it is."""

import asyncio
import copy
import logging

import pytest

from ec2spawner.core.errors import EC2SpawnError, Reason
from ec2spawner.core.event import NotNow
from ec2spawner.core.events import Begun, Chosen, Claimed, LetGo, Ready, Wanted
from ec2spawner.core.kept_events import HomeKnown
from ec2spawner.core.saved_state import to_dict
from ec2spawner.core.state import (
    Doomed,
    HomeRef,
    Launch,
    Phase,
    ServerState,
    StoppedMachine,
    Wish,
)
from ec2spawner.fleet import unsaved
from ec2spawner.fleet.runtime import HubRuntime
from ec2spawner.fleet.unsaved import NotSaved
from ec2spawner.launch.history import kind_of
from ec2spawner.server.context import ServerContext
from ec2spawner.settings import LaunchSettings


class Hub:
    """As much of a Hub as a change of state needs: a database."""

    label = "alice"

    def __init__(self):
        self.rows = []

    def save(self):
        self.rows.append(copy.deepcopy(self.context.saved()))


@pytest.fixture
def hub():
    return Hub()


@pytest.fixture
def context(hub):
    log = logging.getLogger("test")
    hub.context = ServerContext(LaunchSettings(), hub, HubRuntime(), log)
    return hub.context


@pytest.fixture
def claimed(context):
    launch = Launch("start", "start", Phase.CLAIMED, instance_id="i-1")
    context.load(to_dict(ServerState(launch=launch)))
    return context


UNREADABLE = {
    "version": 3,
    "launch": {"id": "l-1", "instance_id": "i-1", "phase": "asleep"},
    "doomed": [{"launch_id": "l-2"}],
    "new": {"a": ["list"]},
}


@pytest.mark.parametrize(
    "saved", [UNREADABLE, {"launch_id": "l-1", "phase": "of the future"}]
)
def test_what_cannot_be_read_is_given_back_exactly_whatever_happens(
    context, hub, saved
):
    before = copy.deepcopy(saved)
    context.load(saved)
    assert context.saved() == before
    context.apply(Begun("start", "server", 1.0), LetGo(1.0), HomeKnown(None))
    assert context.saved() == before
    assert all(row == before for row in hub.rows)


def test_what_follows_from_an_event_that_is_saved_is_in_the_database_first(
    claimed, hub
):
    rows = []
    claimed.on_change = lambda: rows.extend(hub.rows)
    claimed.apply(Ready(5.0))
    assert rows[0]["launch"]["phase"] == "ready"


@pytest.fixture
def refused(hub):
    """A database that takes no changes until it is told to."""
    save = hub.save

    def refuse():
        raise NotSaved("attempt to write a readonly database")

    hub.save = refuse
    yield lambda: setattr(hub, "save", save)


async def test_what_must_be_saved_first_does_not_happen_when_it_cannot_be(
    claimed, refused
):
    claimed.load(to_dict(ServerState(launch=Launch("start", "start", Phase.BOOTING))))
    before = claimed.state
    with pytest.raises(NotSaved):
        claimed.apply(Claimed("key", 5.0))
    with pytest.raises(NotSaved):
        claimed.apply(HomeKnown(HomeRef("vol-1")))
    # Nor does the Hub take what comes next for saved.
    assert claimed.state is before and not claimed.saved_all


async def test_what_has_happened_is_known_and_saved_as_soon_as_that_is_possible(
    claimed, hub, refused, monkeypatch
):
    monkeypatch.setattr(unsaved, "_WAITS", (0.01,))
    claimed.apply(Ready(5.0))
    claimed.apply(Wanted(Wish.KEEP))
    assert claimed.launch.wish is Wish.KEEP and not claimed.saved_all
    assert hub.rows == []
    refused()
    while not claimed.saved_all:
        await asyncio.sleep(0.01)
    assert [row["launch"]["wish"] for row in hub.rows] == ["keep"]


def test_what_can_be_lost_costs_no_commit(context, hub):
    context.apply(Begun("start", "server", 1.0), Chosen("small"))
    assert context.state.profile == "small" and hub.rows == []


def test_what_a_start_dooms_is_saved_at_once(claimed, hub):
    claimed.apply(Begun("next", "server", 1.0))
    assert hub.rows[0]["doomed"] == [{"launch_id": "start", "instance_id": "i-1"}]


def test_of_events_that_come_together_all_happen_or_none(claimed, hub):
    before = claimed.state
    with pytest.raises(NotNow):
        claimed.apply(Wanted(Wish.END), Ready(5.0))
    assert not claimed.applied(Wanted(Wish.KEEP), Claimed("key", 5.0))
    assert claimed.state is before and hub.rows == []
    assert claimed.applied(Wanted(Wish.KEEP))
    assert claimed.launch.wish is Wish.KEEP


def test_a_start_that_had_asked_ec2_for_nothing_is_over_after_a_restart(context):
    stopped, home = StoppedMachine("l-0", "i-0"), HomeRef("vol-1")
    state = ServerState(
        launch=Launch("start", "start"),
        stopped=stopped,
        doomed=(Doomed("l-2"),),
        home=home,
    )
    context.load(to_dict(state))
    assert not context.state.may_have_machine
    assert (context.state.stopped, context.state.home) == (stopped, home)
    assert context.state.doomed == state.doomed


def test_a_failure_is_remembered_until_the_next_start_has_ended(claimed):
    claimed.progress.tell(20, "Machine i-1 is booting")
    claimed.start_failed(EC2SpawnError("It is full. Try again.", reason=Reason.LIMIT))
    assert claimed.failure.reason == "limit" and claimed.failure.instance_id == "i-1"
    assert claimed.failure.steps == ("[0 s] Machine i-1 is booting",)
    claimed.start_failed(None)  # somebody has cancelled the next
    assert claimed.failure is None


def test_how_long_a_start_took_is_known_to_the_next_of_its_kind(claimed):
    claimed.start_succeeded("")
    history, settings = claimed.runtime.history, claimed.settings
    # Of one whose beginning nobody has seen nothing is known.
    kind = kind_of(settings, "", "")
    assert history.expected(kind) is None
    for percent in (20, 45, 75, 95):
        claimed.progress.tell(percent, "a step")
    claimed.start_succeeded("")
    assert history.expected(kind) is not None
    claimed.start_succeeded("hibernate")
    assert history.expected(kind_of(settings, "", "hibernate")) is not None
    assert history.expected(kind_of(settings, "", "stop")) is None


async def test_who_waits_for_the_database_does_so_until_it_has_all(
    claimed, hub, refused, monkeypatch
):
    monkeypatch.setattr(unsaved, "_WAITS", (0.01,))
    await claimed.until_saved(0)  # nothing is owed
    claimed.apply(Ready(5.0))
    waiting = asyncio.ensure_future(claimed.until_saved(60))
    await claimed.until_saved(0.03)  # no longer than that
    assert not claimed.saved_all and not waiting.done()
    refused()
    await waiting
    assert claimed.saved_all and len(hub.rows) == 1


async def test_nobody_waits_for_the_database_of_a_hub_that_ends(claimed, refused):
    claimed.apply(Ready(5.0))
    claimed.runtime.unsaved.ending = True
    await claimed.until_saved(60)
    assert not claimed.saved_all
