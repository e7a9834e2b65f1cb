"""The Hub's home page as HTML, and what is left of budgets on the pages."""

from dataclasses import replace
from html import unescape
from types import SimpleNamespace

from ec2spawner.core import idleness
from ec2spawner.core.state import ServerState, StoppedMachine
from ec2spawner.costs.budget import Budgets
from ec2spawner.costs.spent import Spent
from ec2spawner.fleet.budgeting import Budgeting
from ec2spawner.hub.pages.facts import CullerTimes, PageFacts
from ec2spawner.launch.history import StartKind

from .page import RUNS, home_page, progress_page, spawner, starting, text_of, user


def test_the_home_page_says_what_runs_since_when_and_until_when(render, monkeypatch):
    now = 1_800_014_400.0
    monkeypatch.setattr("time.time", lambda: now + 7980)
    launch = replace(RUNS, launched_at=now, claimed_at=now, max_lifetime=36000.0)
    one = spawner("", ServerState(profile="medium", launch=launch))
    page = home_page(render, user(one))
    told = text_of(page)
    assert "Medium &lt;b&gt; (m7i.xlarge) 2 h 13 min 0.20 USD an hour" in told
    assert "after 1 h idle; at the latest 15 January 22:00 UTC" in told
    assert "Open My Server" in told and "Stop My Server" in told
    assert 'href="/jhub/user/alice/"' in page


def test_each_server_has_its_own_idle_time_on_the_home_page(render):
    hubs = spawner("", ServerState(launch=RUNS))
    short = spawner(
        "b", ServerState(launch=replace(RUNS, idle=idleness.IdlePolicy(1800.0)))
    )
    told = text_of(home_page(render, user(hubs, short)))
    assert "after 1 h idle" in told and "after 30 min idle" in told
    # An age of a profile's is none of the culler's.
    old = idleness.IdlePolicy(1800.0, max_age=1.0)
    aged = user(spawner("", ServerState(launch=replace(RUNS, idle=old))))
    assert "at the latest" not in text_of(home_page(render, aged))
    # Without a culler those of the servers count.
    own = text_of(home_page(render, user(hubs, short), PageFacts(CullerTimes())))
    assert "after 30 min idle" in own and "after 1 h idle" not in own


def test_the_home_page_says_what_the_machine_has_cost_and_all_of_this_month(render):
    one = spawner("", ServerState(launch=RUNS))
    ledger = one.context.runtime.ledger
    ledger.machine, ledger.user = Spent(machines=0.45), Spent(9, 3.4)
    told = text_of(home_page(render, user(one)))
    assert "0.45 USD 0.20 USD an hour" in told
    assert "This month, with homes and stopped machines: 12.40 USD." in told
    silent = spawner("", ServerState(launch=RUNS), prices={})
    assert "USD" not in text_of(home_page(render, user(silent)))


def test_pages_say_what_is_left_of_budgets(render, monkeypatch):
    one = user(spawner("", ServerState(launch=RUNS)))
    assert "is left" not in text_of(home_page(render, one))
    ledger = SimpleNamespace(
        of_user=lambda *_: Spent(machines=4.1), of_group=lambda *_: Spent(9)
    )
    budgeting = Budgeting(ledger)
    budgeting.budgets = Budgets({"user": 60, "group:hydro": 50, "group:snow": 1})
    fake = SimpleNamespace(budgeting=budgeting)
    monkeypatch.setattr("ec2spawner.hub.pages.facts.runtime", lambda: fake)
    one.orm_user.groups = [SimpleNamespace(name="hydro")]
    for page in (home_page(render, one), progress_page(render, starting(), one)):
        told = unescape(text_of(page))
        assert "Your budget of 60.00 USD a month: 4.10 USD is spent" in told
        assert "your group 'hydro'" in told and "snow" not in told


def test_the_home_page_says_what_a_server_that_is_off_has_cost_this_month(render):
    one = spawner("", active=False)
    one.context.runtime.ledger.server = Spent(machines=0.31)
    assert "0.31 USD this month" in text_of(home_page(render, user(one)))


def test_the_home_page_tells_of_a_machine_that_waits_and_how_long_it_takes(render):
    stopped = StoppedMachine(
        "l", "i-1", instance_type="m7i.xlarge", how="stop", until=1_800_014_400.0
    )
    one = spawner("", ServerState(stopped=stopped), active=False)
    kind = StartKind("us-west-2", "", "m7i.xlarge", "stop")
    one.context.runtime.history.add(kind, {"machine": 20.0, "boot": 5.0})
    told = text_of(home_page(render, user(one)))
    assert "(m7i.xlarge), is stopped until 15 January 12:00 UTC" in told
    assert "Wake My Server about 25 s" in told


def test_named_servers_have_a_row_each_also_without_a_spawner(render):
    someone = user(spawner("gpu", ServerState(launch=RUNS)), old={})
    told = text_of(home_page(render, someone))
    assert "Open gpu Stop gpu" in told and "Start old Delete old" in told
    assert "Start My Server" in told and "Delete My Server" not in told
    assert "gpu" not in text_of(home_page(render, someone, named=False))
    # Looking makes no spawner, which would be told of as one that is loaded.
    assert set(someone.spawners) == {"gpu"}
