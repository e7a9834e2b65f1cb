"""Every way to ask for a server, with everything that may be wrong with it.

One hub for all: nothing is ever started on it.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass

import pytest
from yarl import URL

from ec2spawner.demo.visitor import Visitor
from ec2spawner.demo.visitor.page import read_error, read_form

from .conftest import eventually
from .hub_process import HubProcess

#: the choices, and a text that must be written
COURSE = "course--unlisted-choice"
PROFILES = [
    {
        "display_name": "Analysis",
        "profile_options": {
            "size": {
                "display_name": "Size",
                "choices": {
                    "s": {"ec2spawner_override": {"instance_type": "t3.small"}},
                    "xl": {
                        "allowed_groups": ["modellers"],
                        "ec2spawner_override": {"instance_type": "m7i.4xlarge"},
                    },
                },
            },
            "course": {
                "display_name": "Course",
                "unlisted_choice": {
                    "enabled": True,
                    "validation_regex": "[a-z]+",
                    "validation_message": "Small letters only.",
                },
            },
        },
    },
    {"display_name": "GPU", "allowed_groups": ["modellers"]},
]
#: whatever a hub does for a start it does once the choice is a good one
CODE = """
c.Authenticator.admin_users = {'boss'}
c.EC2Spawner.pre_spawn_hook = lambda spawner: spawner.log.error('a hook was called')
"""
GOOD = {"profile": "analysis", "size": "s", COURSE: "hydro"}
LONG = "x" * 10_000
SCRIPT = "<script>alert(1)</script>"

NOT_OFFERED = "on offer"
WRONG = {
    "a profile not offered": ({**GOOD, "profile": "huge"}, NOT_OFFERED),
    "a choice not offered": ({**GOOD, "size": "huge"}, NOT_OFFERED),
    "a profile of others": ({"profile": "gpu"}, NOT_OFFERED),
    "a choice of others": ({**GOOD, "size": "xl"}, NOT_OFFERED),
    "text not accepted": ({**GOOD, COURSE: "Hydro"}, "Small letters only."),
    "text where there is a list": (
        {**GOOD, "size": "unlisted-choice", "size--unlisted-choice": "t3.nano"},
        "choose from the list",
    ),
    "a number": ({**GOOD, "size": 5}, NOT_OFFERED),
    "a number for a profile": ({**GOOD, "profile": 5}, NOT_OFFERED),
    "a number for text": ({**GOOD, COURSE: 5}, "Small letters only."),
    "an object": ({**GOOD, "profile": {"instance_type": "p5.48xlarge"}}, NOT_OFFERED),
    "a list": ({**GOOD, "size": ["s"]}, NOT_OFFERED),
    "a list for a profile": ({**GOOD, "profile": ["analysis"]}, NOT_OFFERED),
    "a list for text": ({**GOOD, COURSE: ["hydro"]}, "Small letters only."),
    "10 kB": ({**GOOD, "size": LONG}, NOT_OFFERED),
    "10 kB for a profile": ({**GOOD, "profile": LONG}, NOT_OFFERED),
    "10 kB for text": ({**GOOD, COURSE: LONG}, "Small letters only."),
    # Of what may be left out it is the same as nothing.
    "null": ({"profile": None, "size": None, COURSE: None}, "please write"),
    "a script": ({**GOOD, "size": SCRIPT}, NOT_OFFERED),
    "a script for a profile": ({**GOOD, "profile": SCRIPT}, NOT_OFFERED),
    "a script for text": ({**GOOD, COURSE: SCRIPT}, "Small letters only."),
    "what is no text": ({**GOOD, COURSE: "hydro\0\n"}, "Small letters only."),
}


@pytest.fixture(scope="module")
def hub(cloud, tmp_path_factory):
    # What EC2 is asked after the first seconds is asked for a server.
    settings = {
        "profile_list": PROFILES,
        "fast_interval": 3600,
        "slow_interval": 3600,
        "sweep_interval": 3600,
        # A refusal is no failure of the hub's.
        "consecutive_failure_limit": 2,
    }
    hub = HubProcess(
        tmp_path_factory.mktemp("entry-points"),
        cloud,
        settings=settings,
        hub_settings={"load_groups": {"modellers": {"users": ["bob"]}}},
        code=CODE,
    )
    cloud.control.clear_requests()
    asyncio.run(hub.start())
    # The Hub looks for its images by itself, once.
    eventually(lambda: cloud.control.requests("DescribeImages"))
    yield hub
    hub.kill()


@dataclass
class Answer:
    status: int
    #: what a person reads: the sentence of the page or of the API
    words: str
    #: all of it
    body: str


class Ways:
    """The ways in. Each asks for alice's server."""

    def __init__(self, hub: HubProcess, alice: Visitor, boss: Visitor) -> None:
        self.hub, self.alice, self.boss = hub, alice, boss

    async def form(self, options):
        return await self.post(self.alice, _fields(options))

    async def the_form_of_fancy_profiles(self, options):
        """It sends the options of every profile, and calls the unlisted otherwise."""
        fields = _fields(options)
        fields |= {
            "select-profile": fields.get("profile", ""),
            "profile-option-gpu--size": "s",
            f"profile-option-{fields.get('profile')}--course": "unlisted_choice",
        }
        return await self.post(self.alice, fields)

    async def the_button_as_last_time(self, options):
        return await self.post(self.alice, {"as-last-time": json.dumps(options)})

    async def an_admins_form(self, options):
        return await self.post(self.boss, _fields(options))

    async def rest(self, options):
        return await self.ask(self.alice, options)

    async def an_admins_rest(self, options):
        return await self.ask(self.boss, options)

    async def rest_as_it_was(self, options):
        """Before JupyterHub 6 the options were the whole body."""
        return await self.send(self.alice, options)

    async def stored_when_it_was_refused(self, options):
        """What was asked for last is stored, and counts where nothing is asked for."""
        await self.ask(self.alice, options)
        return await self.ask(self.alice, None)

    async def stored_by_rest(self, options):
        path = "/users/alice/server"
        status, answer = await self.alice.api("PATCH", path, {"user_options": options})
        assert status == 200, answer
        return await self.ask(self.alice, None)

    async def ask(self, visitor, options):
        return await self.send(visitor, {"user_options": options})

    async def send(self, visitor, body):
        status, answer = await visitor.api("POST", "/users/alice/server", body)
        return Answer(status, answer["message"], json.dumps(answer))

    async def post(self, visitor, fields):
        url = visitor.hub_url("spawn/alice")
        _, page = await visitor._get(url)
        action = read_form(page, "spawn_form").action
        async with visitor._open.post(
            visitor.public_url.join(URL(action, encoded=True)),
            data=fields,
            headers=visitor._headers({"Sec-Fetch-Mode": "navigate"}),
        ) as answer:
            page = await answer.text()
            assert read_form(page, "spawn_form") is not None, "the form is there again"
            return Answer(answer.status, (read_error(page) or ("",))[0], page)


def _fields(options):
    """What a form sends is text, of the options of one profile."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in options.items()
    }
    slug = texts.pop("profile", "")
    own = {f"profile-option-{slug}--{name}": value for name, value in texts.items()}
    return {"profile": slug, **own}


WAYS = [name for name in vars(Ways) if not name.startswith("_")]
WAYS = [name for name in WAYS if name not in ("ask", "send", "post")]


@pytest.fixture
async def ways(hub):
    async with (
        Visitor(hub.url, "alice", "any") as alice,
        Visitor(hub.url, "boss", "any") as boss,
    ):
        await alice.log_in()
        await boss.log_in()
        yield Ways(hub, alice, boss)


def is_unharmed(text):
    """Nothing of what was sent is in it as markup, nor at length."""
    return SCRIPT not in text and "x" * 1000 not in text


#: by day all of it by the two ways that everything takes, and some by each other one
BY_DAY = ("a profile of others", "text not accepted", "a list", "null", "a script")
TRIED = [(way, WRONG) for way in ("form", "rest")]
OTHERS = [way for way in WAYS if way not in dict(TRIED)]
TRIED += [(way, BY_DAY) for way in OTHERS]
TRIED += [pytest.param(way, WRONG, marks=pytest.mark.slow) for way in OTHERS]


@pytest.mark.parametrize("way, whats", TRIED)
async def test_what_may_not_be_had_is_refused_in_words_by_every_way(
    hub, ways, ec2, way, whats
):
    ec2.clear_requests()
    for what in whats:
        options, sentence = WRONG[what]
        before = len(hub.log)
        answer = await getattr(ways, way)(options)
        told = f"{way}, {what}: {answer.status} {answer.words[:300]}"
        assert answer.status == 400, told
        # A form cannot say null; it says a word that is not on offer.
        assert sentence in answer.words or NOT_OFFERED in answer.words, told
        assert "[options]" not in answer.words, told
        assert is_unharmed(answer.body), told
        logged = hub.log[before:]
        assert "Traceback" not in logged and "[E " not in logged, logged
        if "stored" in way:  # and shown to whoever looks next
            _, page = await ways.alice._get(ways.alice.hub_url("spawn/alice"))
            assert read_form(page, "spawn_form") and is_unharmed(page), told
    assert [request.action for request in ec2.requests()] == []
    assert await hub.server("alice") is None


@pytest.mark.parametrize("body", [[GOOD], "analysis", 5, True])
async def test_options_that_are_no_options_are_refused_by_the_hub_itself(
    hub, ways, ec2, body
):
    ec2.clear_requests()
    for visitor in (ways.alice, ways.boss):
        answer = await ways.ask(visitor, body)
        assert answer.status == 400 and "user_options" in answer.words
    assert ec2.requests() == []


async def test_a_link_starts_nothing_whatever_it_asks_for(hub, ways, ec2):
    ec2.clear_requests()
    before = len(hub.log)
    for visitor in (ways.alice, ways.boss):
        for what, (options, _) in WRONG.items():
            query = {
                f"opt-{name}": value if isinstance(value, str) else json.dumps(value)
                for name, value in options.items()
            }
            url = visitor.hub_url("spawn/alice").with_query(query)
            status, page = await visitor._get(url)
            assert (status, read_error(page)) == (200, None), what
            assert "A link has brought you here" in page
            # The address itself is in the form's action, escaped.
            shown = re.sub(r'action="[^"]*"', "", page)
            assert SCRIPT not in page and is_unharmed(shown), what
    assert "[E " not in hub.log[before:]
    assert ec2.requests() == []


async def test_a_refusal_is_one_line_of_the_log_each_time_it_is_told(hub, ways):
    before = len(hub.log)
    await ways.form({**GOOD, "size": "huge"})
    said = [line for line in hub.log[before:].splitlines() if "not on offer" in line]
    assert said and all(line.startswith("[W ") for line in said), said


async def test_who_may_have_it_is_not_refused(hub, ways, ec2):
    """The same choices are good ones for whom they are meant."""
    status, answer = await hub.start_server("bob", options={**GOOD, "size": "huge"})
    assert (status, "Choose one of: s, xl." in answer["message"]) == (400, True)


async def test_a_server_that_needs_a_text_can_be_asked_for_without(ways):
    """``null`` for all options is as good as none at all: the defaults."""
    answer = await ways.ask(ways.alice, {})
    assert answer.status == 400 and "Course: please write" in answer.words
