"""The pages as HTML, with JupyterHub's own templates around them."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub._data import DATA_FILES_PATH

import ec2spawner
from ec2spawner.core.state import Launch, Phase, ServerState, StoppedMachine
from ec2spawner.costs.budget import Budgets
from ec2spawner.costs.price_list import PriceList
from ec2spawner.costs.spent import Spent
from ec2spawner.fleet.budgeting import Budgeting
from ec2spawner.hub.pages.facts import IdlePolicy, PageFacts
from ec2spawner.launch.failures import Failure
from ec2spawner.launch.history import StartHistory, StartKind
from ec2spawner.server.progress import Progress
from ec2spawner.settings import LaunchSettings

OURS = Path(ec2spawner.__file__).parent / "hub" / "pages" / "templates"
HUBS = Path(DATA_FILES_PATH) / "templates"
PROFILES = [{"display_name": "Medium <b>", "slug": "medium"}]
PRICES = {"m7i.xlarge": 0.2016}


@pytest.fixture
def render():
    environment = Environment(
        loader=ChoiceLoader(
            [
                PrefixLoader({"templates": FileSystemLoader(HUBS)}, "/"),
                FileSystemLoader([OURS, HUBS]),
            ]
        ),
        autoescape=True,
    )

    def page(name, **names):
        hub = {
            "base_url": "/jhub/hub/",
            "prefix": "/jhub/",
            "static_url": lambda path, include_version=True: path,
        }
        text = environment.get_template(name).render(**hub, **names)
        Balance().feed(text)
        return text

    return page


class Balance(HTMLParser):
    """Each element that is opened is closed, in order."""

    VOID = {"meta", "link", "img", "br", "input", "hr"}

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open and self.open[-1] == tag, (tag, self.open, self.getpos())
            self.open.pop()


class NoRuns:
    """A ledger in which nothing was spent, unless a test says so."""

    machine, server, user = None, Spent(), Spent()

    def of_machine(self, instance_id, now):
        return self.machine

    def of_server(self, user, server, now, month):
        return self.server

    def of_user(self, user, now, month):
        return self.user


def spawner(name="", state=ServerState(), active=True, **settings):
    """Of JupyterHub, with a context of ours."""
    settings = {
        "prices": PRICES,
        "prices_region": "",
        "profile_list": PROFILES,
        "region": "us-west-2",
        "image": "ami-1",
        "instance_type": "m7i.xlarge",
        "home": "server",
        **settings,
    }
    context = SimpleNamespace(
        settings=LaunchSettings(**settings),
        state=state,
        launch=state.current,
        runtime=SimpleNamespace(
            prices=PriceList(given=PRICES), history=StartHistory(), ledger=NoRuns()
        ),
        progress=Progress(),
        failure=None,
    )
    return SimpleNamespace(
        name=name,
        display_name="",
        context=context,
        notices=lambda: [],
        active=active,
        ready=active,
        pending=None,
    )


def user(*spawners, **rows):
    found = {each.name: each for each in spawners}
    names = {"": None, **found, **rows}
    rows = {
        name: SimpleNamespace(
            display_name="",
            user_options={"profile": "medium"},
            state=rows.get(name, {}),
        )
        for name in names
    }
    return SimpleNamespace(
        name="alice",
        escaped_name="alice",
        json_escaped_name="alice",
        spawner=SimpleNamespace(options_form=True),
        spawners=found,
        orm_user=SimpleNamespace(orm_spawners=rows),
        server_url=lambda name: f"/jhub/user/alice/{name}",
    )


def text_of(page):
    without = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", without).split())


FACTS = PageFacts(IdlePolicy(3600))
RUNS = Launch(
    "s",
    "l",
    Phase.READY,
    region="us-west-2",
    instance_id="i-1",
    instance_type="m7i.xlarge",
    market="on-demand",
)


def starting(**changes):
    state = ServerState(profile="medium", launch=Launch("s", "l"))
    return spawner(state=state, active=False, **changes)


def progress_page(render, one, someone=None):
    return render(
        "spawn_pending.html",
        user=someone or user(),
        spawner=one,
        progress_url="/jhub/hub/api/x",
        ec2spawner=FACTS,
    )


def test_the_progress_page_says_what_starts_and_what_it_costs(render):
    page = progress_page(render, starting())
    told = text_of(page)
    assert "Starting your Medium &lt;b&gt; machine" in told
    assert "m7i.xlarge costs 0.20 USD an hour while it runs." in told
    assert "Cancel this start" in told and "It is set up, with your home" in told
    assert "const expected = null" in page and "usually" not in told


def test_no_time_has_passed_of_a_start_that_has_not_begun(render):
    seconds = iter(range(0, 9000, 3000))
    one = starting()
    one.context.progress = Progress(clock=lambda: next(seconds))
    assert "performance.now() - 1000 * 0.0" in progress_page(render, one)
    one.context.progress.tell(5, "Asking AWS")
    assert "performance.now() - 1000 * 6000" in progress_page(render, one)


def test_the_progress_page_says_how_long_such_starts_took(render):
    one = starting(home="none", prices={})
    kind = StartKind("us-west-2", "ami-1", "m7i.xlarge")
    stages = {"machine": 1.0, "boot": 20.4, "home": 2.0, "jupyter": 7.0}
    one.context.runtime.history.add(kind, stages)
    page = progress_page(render, one)
    told = text_of(page)
    assert '"usual": 30.4' in page
    assert "It boots usually 20 s" in told
    assert "It is set up usually 2 s" in told and "costs" not in told


def test_a_machine_that_is_woken_is_not_asked_for(render):
    stopped = StoppedMachine("l", "i-1", instance_type="m7i.xlarge", how="stop")
    one = starting()
    one.context.state = ServerState(stopped=stopped, launch=Launch("s", "l"))
    told = text_of(progress_page(render, one))
    assert "Your machine is woken" in told and "AWS has a machine" not in told


@pytest.mark.parametrize(
    "name, call", [("", "stop_server"), ("gpu", "stop_named_server")]
)
def test_cancel_cancels_the_start_that_is_shown(render, name, call):
    one = starting()
    one.name = name
    page = progress_page(render, one)
    assert re.findall(r"api\.(stop\w+)\(", page) == [call]


def test_the_progress_page_of_another_spawner_works(render):
    other = SimpleNamespace(name="", display_name="")
    assert "Starting your machine" in text_of(progress_page(render, other))


def failed_page(render, failure, message="AWS is full. Try again."):
    one = starting()
    one.context.failure = failure
    return render(
        "not_running.html",
        user=user(one),
        server_name="",
        spawn_url="/jhub/hub/spawn/alice/",
        failed=True,
        failed_message=message,
        ec2spawner=FACTS,
    )


def test_the_page_of_a_failed_start_says_why_what_next_and_what_to_send(render):
    failure = Failure(
        1_800_014_400.0, "boot", "d7febfbb", "i-62dd", "Server.InternalError", ("<1>",)
    )
    page = failed_page(render, failure)
    told = text_of(page)
    assert "AWS is full. Try again." in told
    assert "Try again Choose another size" in told
    assert (
        "15 January 12:00 UTC , launch d7febfbb, i-62dd, Server.InternalError" in told
    )
    assert "&lt;1&gt;" in page and '<time datetime="2027-01-15T12:00Z">' in page


def test_the_page_of_a_failed_start_says_what_it_has_cost(render, monkeypatch):
    monkeypatch.setattr(NoRuns, "machine", Spent(machines=0.0001))
    failure = Failure(1_800_014_400.0, "boot", "d7febfbb", "i-62dd")
    assert "has cost less than 0.001 USD." in text_of(failed_page(render, failure))


def test_a_failure_that_nobody_has_words_for_says_what_to_do(render):
    told = text_of(failed_page(render, None, message=""))
    assert "please tell your hub's admin" in told.replace("&#39;", "'")
    assert "send this" not in told


def test_a_server_that_has_not_failed_has_jupyterhubs_page(render):
    page = render(
        "not_running.html",
        user=user(),
        server_name="",
        spawn_url="/",
        ec2spawner=FACTS,
    )
    assert "Server not running" in page and "Try again" not in page


def home_page(render, someone, facts=FACTS, named=True):
    return render(
        "home.html",
        user=someone,
        url="/",
        allow_named_servers=named,
        named_server_limit_per_user=3,
        default_server=SimpleNamespace(active=False),
        ec2spawner=facts,
    )


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
    short = spawner("b", ServerState(launch=replace(RUNS, idle_timeout=1800.0)))
    told = text_of(home_page(render, user(hubs, short)))
    assert "after 1 h idle" in told and "after 30 min idle" in told
    nobody = home_page(render, user(hubs, short), PageFacts(IdlePolicy()))
    assert "idle" not in text_of(nobody)


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


def test_the_page_of_a_proxy_leads_to_the_hubs_own(render):
    for status in (502, 503, 504):
        page = render(f"{status}.html", status_code=status, message_html="")
        assert "Your machine does not answer" in page
        assert "encodeURIComponent(here.pathname)" in page
        assert '"/jhub/hub/unanswered?url="' in page and '"/jhub/user/"' in page
        assert 'href="/jhub/hub/home"' in page


def test_what_the_hub_itself_refuses_it_says_in_its_own_words(render):
    page = render(
        "503.html",
        status_code=503,
        status_message="Service Unavailable",
        message="AWS is full",
        exception=None,
    )
    assert "AWS is full" in page and "does not answer" not in page
    assert "unanswered" not in page


def test_the_page_of_a_machine_that_does_not_answer_has_a_next_step(render):
    page = render(
        "ec2_unanswered.html",
        user=user(),
        server={"user": "alice", "name": "gpu"},
        url="/jhub/user/alice/gpu/lab",
        line="launch x",
        ec2spawner=FACTS,
    )
    told = text_of(page)
    assert "Your machine does not answer: gpu" in told
    assert "Try again Restart Stop" in told and "launch x" in told
