import json
import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ec2spawner.core.idleness import IdlePolicy, Limit, Seen, Step, Verdict
from ec2spawner.core.state import Launch, Phase, ServerState
from ec2spawner.costs.budget import Budgets
from ec2spawner.costs.price_list import PriceList
from ec2spawner.costs.spent import Spent
from ec2spawner.ec2.facts import TypeFacts
from ec2spawner.fleet.budgeting import Budgeting
from ec2spawner.hub.told import facts
from ec2spawner.hub.told.facts import Telling
from ec2spawner.server.idle.use import Use
from ec2spawner.settings import LaunchSettings

NOW = 1_800_000_000.0
LAUNCH = Launch(
    "start-1",
    "launch-1",
    Phase.READY,
    region="eu-central-1",
    instance_id="i-1",
    instance_type="t3.large",
    market="on-demand",
    claimed_at=NOW - 3600,
    ready_at=NOW - 3600,
    idle=IdlePolicy(3600.0, keep_seconds=7200.0, keep_limit=28800.0),
)


class Ledger:
    """What one machine and one user have cost."""

    def __init__(self):
        self.usd = 0.45

    def of_machine(self, instance_id, now):
        return Spent(self.usd) if instance_id == "i-1" else None

    def of_user(self, user, now, month):
        return Spent(self.usd)

    def of_group(self, group, now, month):
        return Spent(self.usd)


class Server:
    """A server of ours, as the Hub knows it, and what its user is told."""

    def __init__(self):
        self.ledger = Ledger()
        self.budgeting = Budgeting(self.ledger, lambda: NOW)
        self.state = ServerState(launch=LAUNCH, profile="machine")
        self.settings = LaunchSettings(
            sizes={"Medium": {"instance_type": "t3.large"}}, prices={"t3.large": 0.08}
        )
        self.use = Use()
        self.log = logging.getLogger("tests")
        self.label = "ada"
        self.hub = SimpleNamespace(user_name="ada")
        known = {"t3.large": TypeFacts(cpus=2, memory=8.0)}
        self.fleet = SimpleNamespace(catalog=SimpleNamespace(known_type=known.get))
        prices = PriceList(given={"t3.large": 0.08})
        self.runtime = SimpleNamespace(
            ledger=self.ledger,
            budgeting=self.budgeting,
            prices=prices,
            stops_idle=True,
            culled=IdlePolicy(),
        )
        self.context, self.user_options, self.texts = self, {"size": "medium"}, []
        self.telling = Telling(self)

    @property
    def launch(self):
        return self.state.current

    def notices(self):
        return self.texts

    def change(self, **changes):
        self.state = replace(self.state, launch=replace(self.launch, **changes))

    @property
    def told(self):
        told = dict(self.telling())
        json.dumps(told)
        return told

    def notice(self, about):
        return next((n for n in self.told["notices"] if about in n["id"]), None)

    @property
    def details(self):
        return " ".join(each["text"] for each in self.told["details"])


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(facts.time, "time", lambda: NOW)
    return Server()


def test_all_that_is_known_is_told_without_a_question(server):
    assert server.told["bar"].startswith("Medium, {cost} USD so far, stops after 1 h")
    assert (server.told["cost"], server.told["rate"]) == (0.45, 0.08)
    assert "Medium (t3.large, 2 CPUs, 8 GiB)." in server.details
    assert "0.080 USD an hour" in server.details


def test_a_hub_that_does_not_speak_of_prices_does_not_here(server):
    server.settings.prices = {}
    server.settings.prices_region = ""
    assert server.told["bar"] == "Medium, stops after 1 h idle"
    assert "USD" not in server.details
    assert "USD" not in server.told["actions"][0]["label"]


def test_whatever_goes_wrong_costs_no_heartbeat(server, monkeypatch, caplog):
    monkeypatch.setattr(server, "fleet", None)
    assert server.telling() == {}
    assert "ada is told nothing" in caplog.text


def test_why_the_last_machine_ended_is_told_though_the_state_forgets_it(server):
    text = "Your server was stopped on 15 January at about 07:30 UTC: it was idle."
    server.state = replace(server.state, last_end=text)
    server.change(phase=Phase.CLAIMED)
    assert server.notice("ended")["once"]
    server.state = replace(server.state, last_end="")
    server.change(phase=Phase.READY)
    found = server.notice("ended-start-1")
    assert found["text"] == "Your server was stopped on {day}: it was idle."
    assert found["left"] == -1800
    server.change(start_id="start-2")
    assert server.notice("ended") is None


def test_what_the_hubs_pages_tell_is_told_but_not_what_the_machine_tells(server):
    server.change(announced="AWS takes it back")
    server.texts = ["AWS takes it back", "Your home could not be mounted."]
    assert [n["text"] for n in server.told["notices"]] == server.texts[1:]


# -- its use ---------------------------------------------------------------------


def warned(server):
    server.use.seen = Seen(3000, 3000, at=NOW)
    server.use.verdict = Verdict(Step.WARN, "x", NOW + 600, Limit.IDLE, NOW - 3000)
    server.use.warned_at = NOW


def test_who_is_about_to_be_stopped_may_keep_it_as_far_as_the_admin_allows(server):
    warned(server)
    assert server.told["actions"][0]["ask"] == {"keep": 7200}
    # Nearly all is given that all presses may give together.
    server.change(kept_seconds=28800.0 - 600)
    assert server.told["actions"][0]["ask"] == {"keep": 600}
    server.change(kept_seconds=28800.0 - 10)
    assert server.told["actions"] == []
    assert server.notice("idle")["actions"] == []


def test_where_nobody_is_stopped_nobody_is_warned(server):
    warned(server)
    server.runtime.stops_idle = False
    assert server.told["notices"] == [] and server.told["actions"] == []
    assert "stops" not in server.told["bar"]
    assert "no activity" not in server.details


@pytest.mark.parametrize("own, says", [(0.0, "2 h"), (1800.0, "30 min")])
def test_where_a_service_stops_servers_it_is_told_by_what_and_when(server, own, says):
    warned(server)
    server.change(idle=IdlePolicy(own, busy_limit=60.0, max_age=60.0))
    server.runtime.stops_idle = False
    server.runtime.culled = IdlePolicy(7200.0, max_age=86400.0)
    assert server.told["bar"].endswith(f", stops after {says} idle")
    assert f"your hub has heard of no activity for {says}. What" in server.details
    assert "nothing has run" not in server.details and "Although" not in server.details
    (latest,) = [d for d in server.told["details"] if "latest" in d["text"]]
    assert latest["left"] == 86400 - 3600
    # It warns nobody, and asks nobody.
    assert server.told["notices"] == [] and server.told["actions"] == []


# -- budgets ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "usd, level, kind",
    [(0.5, 0, None), (0.75, 75, "warning"), (0.9, 90, "warning"), (1.1, 100, "error")],
)
def test_a_budget_is_told_from_three_quarters_on_each_level_anew(
    server, usd, level, kind
):
    server.budgeting.budgets = Budgets({"user": 1})
    server.ledger.usd = usd
    found = server.notice("budget")
    assert "is spent" in server.details
    if not level:
        assert found is None
        return
    assert f"-{level}-" in found["id"] and found["kind"] == kind
    assert "budget of 1.00 USD a month" in found["text"]
    # All of it is told as long as it is so, and the others once.
    assert found["once"] is (level < 100)


def test_who_is_stopped_for_a_budget_reads_when(server):
    server.budgeting.budgets = Budgets({"user": 1})
    server.ledger.usd = 2.0
    server.budgeting.note(server.budgeting.known_uses("ada"))
    found = server.notice("budget")
    assert "Servers that run are stopped at {at}" in found["text"]
    assert 800 <= found["left"] <= 960


def test_budgets_of_groups_are_those_that_were_known_last(server):
    """Nobody asks the database with each heartbeat."""
    server.budgeting.budgets = Budgets({"group:hydro": 0.5})
    assert server.notice("budget") is None
    server.budgeting.know("ada", ["hydro"])
    assert "group 'hydro'" in server.notice("budget")["text"]
