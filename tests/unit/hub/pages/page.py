"""Users, servers and facts that pages are made of, and how to read a page."""

import re
from types import SimpleNamespace

from ec2spawner.core.state import Launch, Phase, ServerState
from ec2spawner.costs.price_list import PriceList
from ec2spawner.costs.spent import Spent
from ec2spawner.hub.pages.facts import CullerTimes, PageFacts
from ec2spawner.launch.history import StartHistory
from ec2spawner.launch.progress import Progress
from ec2spawner.settings import LaunchSettings

PROFILES = [{"display_name": "Medium <b>", "slug": "medium"}]


PRICES = {"m7i.xlarge": 0.2016}


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
        promised=state.current.idle,
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


FACTS = PageFacts(CullerTimes(3600))


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
