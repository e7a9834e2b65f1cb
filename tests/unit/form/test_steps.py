"""The form of sizes and images: what it tells, and what can be chosen by any way."""

import json
import re
from html import unescape

import pytest

from ec2spawner.core.errors import EC2SpawnError, Reason
from ec2spawner.core.state import StoppedMachine
from ec2spawner.costs.budget import Budget, Scope, Use
from ec2spawner.costs.price_list import PriceList
from ec2spawner.costs.spent import Spent
from ec2spawner.ec2.facts import Image, TypeFacts
from ec2spawner.form.known import Known
from ec2spawner.launch.history import StartHistory, StartKind
from ec2spawner.profiles.choose import options_from_form
from ec2spawner.server.choice import Link, ServerChoice
from ec2spawner.spawner import EC2Spawner

X86, ARM = frozenset({"x86_64"}), frozenset({"arm64"})
TYPES = {
    "t3.medium": TypeFacts(X86, 4, cpus=2),
    "m7g.xlarge": TypeFacts(ARM, 16, cpus=4),
    "g4dn.xlarge": TypeFacts(X86, 16, cpus=4, gpus=("NVIDIA T4 16 GiB",)),
    "m7i.4xlarge": TypeFacts(X86, 64, cpus=16),
}
IMAGES = {
    "ami-hydro": Image("ami-hydro", "/dev/xvda", "x86_64", root_size=20),
    "ami-arm": Image("ami-arm", "/dev/xvda", "arm64", root_size=8),
}
PRICES = PriceList(
    given={"t3.medium": 0.0416, "t3.medium:spot": 0.0125, "g4dn.xlarge": 0.526}
)
SETTINGS = {
    "region": "us-west-2",
    "sizes": {
        "Small": "t3.medium",
        "Graviton": {"instance_type": "m7g.xlarge", "description": "<b>green</b>"},
        "GPU": "g4dn.xlarge",
        "Large": {
            "instance_type": "m7i.4xlarge",
            "allowed_groups": ["modellers"],
            "ask": "ada@lab.edu",
        },
    },
    "images": {
        "Hydrology": {"image": "ami-hydro", "version": "2026.2"},
        "ARM": "ami-arm",
    },
    "markets": ["on-demand", "spot"],
    "idle_timeouts": {
        "1 h": 3600,
        "30 min": {"idle_timeout": 1800, "default": True},
        "2 days": {"idle_timeout": 172800, "allowed_groups": ["modellers"]},
    },
}


def a_choice(known=None, **settings):
    facts = {
        "prices": PRICES,
        "type_facts": lambda region, name: TYPES.get(name),
        "image": lambda region, name, owners: IMAGES.get(name),
    }
    spawner = EC2Spawner(**{**SETTINGS, **settings})
    return spawner, ServerChoice(spawner, lambda: Known(**{**facts, **(known or {})}))


async def form(last=(), groups=(), link=Link(), sent=None, known=None, **settings):
    _, choice = a_choice(known, **settings)
    return await choice.render("ada", set(groups), dict(last), link, sent)


def card(page, key):
    """The text of a choice, and its input."""
    found = re.search(
        rf'<label class="card(?:(?!</label>).)*value="{key}".*?</label>', page, re.S
    )
    text = " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split())
    return text, re.search(rf"<input[^>]*value=\"{key}\"[^>]*>", found[0])[0]


def facts_of(page):
    """What the script of the form knows of each size."""
    return json.loads(re.search(r'ion/json">(.*?)</script>', page, re.S)[1])


def lasts(**chosen):
    return {"profile": "machine", "image": "hydrology", "size": "gpu", **chosen}


async def test_a_size_tells_what_ec2_says_and_what_it_costs():
    page = await form()
    text, button = card(page, "gpu")
    assert "NVIDIA T4 16 GiB, 4 CPUs, 16 GiB of memory" in text
    assert "0.53 USD 4.21 for a day of 8 h" in text
    assert "checked" not in button
    assert "checked" in card(page, "small")[1]


async def test_a_price_that_is_not_known_is_said_to_be_so_and_none_is_never_shown():
    text, _ = card(await form(groups=["modellers"]), "large")
    assert "price unknown" in text and "0.00" not in text
    page = await form(known={"prices": None})
    assert "USD" not in page and "price" not in card(page, "gpu")[0]


async def test_what_is_left_of_a_budget_is_told_with_and_without_javascript():
    mine = Use(Budget(Scope.USER, 60.0), Spent(machines=7.4))
    page = await form(groups=["modellers"], known={"budgets": (mine,)})
    told = "Your budget of 60.00 USD a month: 7.40 USD is spent, 52.60 USD is left."
    assert told in " ".join(page.split())
    costs = {key: each["costs"]["/on-demand"] for key, each in facts_of(page).items()}
    pays = "What is left of the budget pays for about 100 hours."
    assert costs["gpu"]["budget"] == pays
    assert costs["large"]["budget"].startswith("It counts toward no budget")
    silent = facts_of(await form())["gpu"]["costs"]["/on-demand"]
    assert silent["budget"] == ""


async def test_what_is_for_others_says_for_whom_and_cannot_be_chosen():
    text, button = card(await form(), "large")
    assert "Only for the group modellers: ask ada@lab.edu." in text
    assert "disabled" in button
    assert "disabled" not in card(await form(groups=["modellers"]), "large")[1]


async def test_a_size_that_fits_no_software_says_why():
    only = {"images": {"Hydrology": "ami-hydro"}}
    text, button = card(await form(**only), "graviton")
    assert "Its processors are arm64, the software is for x86_64." in text
    assert "disabled" in button
    # With software that it fits it may be chosen; the script says with which.
    page = await form()
    assert "disabled" not in card(page, "graviton")[1]
    facts = facts_of(page)
    assert facts["graviton"]["misfits"]["arm"] == ""
    assert "arm64" in facts["graviton"]["misfits"]["hydrology"]
    assert facts["small"]["costs"]["/spot"]["hour"] == "0.013 USD"


async def test_a_disk_too_small_for_the_software_does_not_fit():
    small = {"Small": {"instance_type": "t3.medium", "root_volume_size": 8}}
    text, button = card(await form(sizes=small, images=["ami-hydro"]), "small")
    assert "Its disk has 8 GiB, the software needs 20 GiB." in text
    assert "disabled" in button


TWO_REGIONS = {"regions": ["eu-west-1", "us-west-2"]}
AWAY = "The software is in us-west-2 only."


def elsewhere(region, image, owners):
    """Hydrology is not in Europe."""
    return ["us-west-2"] if (region, image) == ("eu-west-1", "ami-hydro") else []


async def test_software_that_is_in_one_region_only_says_so_and_that_region_is_taken():
    page = await form(known={"elsewhere": elsewhere}, **TWO_REGIONS)
    text, button = card(page, "hydrology")
    assert AWAY in text and "disabled" not in button
    assert AWAY not in card(page, "arm")[0]
    # The first one is Europe.
    chosen = re.findall(r"<option[^>]*selected[^>]*>\s*([^<]*)", page)
    inputs = re.findall(r'<input[^>]*value="([^"]*)"[^>]*checked', page)
    assert "us-west-2" in (*map(str.strip, chosen), *inputs)
    assert not {"eu-west-1"} & {*map(str.strip, chosen), *inputs}


async def test_a_region_without_the_users_files_says_where_they_are():
    known, settings = {"home_region": "us-west-2"}, {"home": "user", **TWO_REGIONS}
    page = await form(known=known, **settings)
    told = "Your home is in us-west-2 and stays there: its files are not here."
    (europe,) = re.findall(r'<option\s+value="eu-west-1".*?</option>', page, re.S)
    assert told in " ".join(europe.split()) and page.count(told) == 1
    assert told not in await form(**settings)
    assert told not in await form(known=known, home="none", **TWO_REGIONS)


async def test_a_size_that_fits_is_taken_wherever_the_software_is():
    only = {"region": "eu-west-1", "images": {"ARM": "ami-arm"}}

    def away(region, image, owners):
        return ["us-west-2"]

    page = await form(known={"elsewhere": away}, **only)
    assert "checked" in card(page, "graviton")[1]


async def test_software_is_refused_where_it_is_not_before_aws_is_asked():
    spawner, choice = a_choice({"elsewhere": elsewhere}, **TWO_REGIONS)
    with pytest.raises(EC2SpawnError) as caught:
        await choice.apply("ada", set(), lasts(region="eu-west-1"))
    assert f"{AWAY} Choose another region" in str(caught.value)
    await choice.apply("ada", set(), lasts(region="us-west-2"))
    assert spawner.region == "us-west-2"


async def test_what_cannot_be_had_any_more_is_not_offered_again():
    known = {"elsewhere": elsewhere}
    page = await form(lasts(region="eu-west-1"), known=known, **TWO_REGIONS)
    assert "as-last-time" not in page
    page = await form(lasts(region="us-west-2"), known=known, **TWO_REGIONS)
    assert "as-last-time" in page


async def test_of_what_is_not_known_nothing_is_held_against_a_choice():
    nothing = {"type_facts": lambda r, n: None, "image": lambda r, i, o: None}
    page = await form(known=nothing, images=["ami-hydro"])
    assert "disabled" not in card(page, "graviton")[1]
    assert "CPU" not in card(page, "graviton")[0]


async def test_while_ec2_is_being_asked_the_form_says_that_facts_will_come():
    nothing = {"type_facts": lambda r, n: None}
    will_come = "asking AWS for the CPUs and memory"
    assert will_come in await form(known={**nothing, "learning": True})
    assert will_come not in await form(known=nothing)
    assert will_come not in await form(known={"learning": True})


async def test_the_time_to_ready_is_that_of_earlier_starts_and_else_not_told():
    history = StartHistory()
    kind = StartKind("us-west-2", "ami-hydro", "g4dn.xlarge")
    history.add(kind, {"machine": 4.0, "boot": 85.0})
    page = await form(known={"history": history})
    assert "ready in about 90 s" in card(page, "gpu")[0]
    assert "ready in" not in card(page, "small")[0]


async def test_what_aws_has_refused_lately_is_said_of_its_size():
    def refused(region, market, types, subnets, image):
        return "AWS was sold out." if "g4dn.xlarge" in types else ""

    page = await form(known={"refused": refused})
    assert "⚠ AWS was sold out." in card(page, "gpu")[0]
    assert "⚠" not in card(page, "small")[0]


async def test_the_last_choice_is_one_button_that_says_what_wakes():
    history = StartHistory()
    history.add(StartKind("us-west-2", "", "g4dn.xlarge", "stop"), {"all": 24.0})
    stopped = StoppedMachine("l", "i-1", instance_type="g4dn.xlarge", how="stop")
    known = {"history": history, "stopped": stopped}
    page = await form(lasts(), known=known, on_stop="stop")
    assert "As last time: GPU, Hydrology 2026.2" in page
    assert "wakes up in about 25 s" in " ".join(page.split())
    value = re.search(r'name="as-last-time"\s+value="([^"]*)"', page)[1]
    sent = {
        "as-last-time": [unescape(value)],
        "profile": ["machine"],
        "profile-option-machine--size": ["small"],
    }
    assert options_from_form(sent) == lasts(market="on-demand", idle="30-min")


@pytest.mark.parametrize(
    "last",
    [{}, lasts(size="gone"), lasts(size="large"), lasts(size="graviton"), {"size": []}],
)
async def test_what_cannot_be_had_again_has_no_button(last):
    assert "As last time" not in await form(last)


async def test_what_was_sent_and_refused_is_still_chosen():
    page = await form(lasts(), sent=lasts(size="small", image="arm"))
    assert "checked" in card(page, "small")[1] and "checked" in card(page, "arm")[1]
    assert "As last time: GPU" in page


async def test_a_link_chooses_and_what_it_asks_for_in_vain_is_said():
    page = await form(link=Link({"size": "gpu"}))
    assert "checked" in card(page, "gpu")[1] and "not on offer" not in page
    page = await form(link=Link({"size": "huge"}))
    assert "not on offer" in page and "checked" in card(page, "small")[1]


async def test_what_becomes_of_files_is_told_once_or_for_each_that_differs():
    page = " ".join((await form(markets=[], home="user")).split())
    assert page.count("Your home directory stays yours") == 1
    page = " ".join((await form(on_stop="stop")).split())
    assert "Spot: It ends when you stop your server" in page
    assert "Steady: It is stopped when you stop" in page


async def test_what_else_costs_money_is_said_with_its_price():
    prices = PriceList(given={"ebs:gp3": 0.08, "public-ipv4": 0.005})
    known = {"prices": prices}
    settings = {"public_ip": True, "home": "user", "home_size": 20, "on_stop": "stop"}
    page = await form(known=known, **settings)
    assert "A public address costs 0.005 USD an hour more." in page
    assert "Your home (20 GiB) costs 1.60 USD a month." in page
    assert "While it is stopped its disk (20 GiB) costs 1.60 USD a month." in page
    page = await form(known={"prices": PriceList()}, **settings)
    assert "Your home (20 GiB) costs price unknown." not in page
    assert "Your home (20 GiB): price unknown." in page


async def test_text_of_an_admin_is_shown_and_not_obeyed():
    page = await form(
        sizes={"A": {"instance_type": "t3.medium", "description": "</script><b>x"}}
    )
    assert "</script><b>x" not in page and "&lt;b&gt;x" in page


async def test_a_choice_makes_the_settings():
    spawner, choice = a_choice()
    assert await choice.apply("ada", set(), lasts(market="spot")) == "machine"
    assert (spawner.types, spawner.image) == (["g4dn.xlarge"], "ami-hydro")
    assert spawner.market == "spot" and spawner.idle_timeout == 1800


async def test_how_long_a_server_may_be_idle_is_chosen_among_what_the_admin_offers():
    page = " ".join((await form()).split())
    assert "More choices: price, idle time" in page
    assert '<option value="30-min" selected >30 min</option>' in page
    assert 'value="2-days" disabled >2 days. Only for the group modellers' in page
    assert "An open JupyterLab tab counts as activity" in page
    spawner, choice = a_choice()
    await choice.apply("ada", set(), lasts(idle="1-h"))
    assert spawner.idle_timeout == 3600
    # The next start is not bound by it.
    await choice.apply("ada", {"modellers"}, lasts(idle="2-days"))
    assert spawner.idle_timeout == 172800
    await choice.apply("ada", set(), lasts())
    assert spawner.idle_timeout == 1800


@pytest.mark.parametrize("asked", [7200, "7200", "3600", 1e12, "inf", -1, 0, "2-days"])
async def test_no_number_and_no_text_is_a_way_to_a_longer_idle_time(asked):
    spawner, choice = a_choice()
    for options in (lasts(idle=asked), lasts(**{"idle--unlisted-choice": asked})):
        with pytest.raises(EC2SpawnError) as caught:
            await choice.apply("ada", set(), options)
        assert (caught.value.status_code, spawner.idle_timeout) == (400, 0)
        assert re.search("[Cc]hoose|ask your hub's admin", str(caught.value))
    # What is no option of ours is nobody's limit.
    await choice.apply("ada", set(), lasts(idle_timeout=asked))
    assert spawner.idle_timeout == 1800


async def test_who_chooses_nothing_gets_what_fits():
    sizes = {"Graviton": "m7g.xlarge", "Small": "t3.medium"}
    spawner, choice = a_choice(sizes=sizes)
    assert "checked" in card(await choice.render("ada", set(), {}), "small")[1]


JUNK = [
    "huge",
    ["gpu"],
    {"a": 1},
    True,
    5,
    "x" * 10_000,
    "<script>alert(1)</script>",
    "a\0",
]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: str(junk)[:12])
@pytest.mark.parametrize("key", ["profile", "image", "size", "market", "idle"])
async def test_junk_by_any_way_is_refused_in_words(key, junk):
    spawner, choice = a_choice()
    with pytest.raises(EC2SpawnError) as caught:
        await choice.apply("ada", set(), lasts(**{key: junk}))
    error = caught.value
    assert (error.status_code, error.reason) == (400, Reason.OPTIONS.value)
    assert "on offer" in str(error) and "<script" not in str(error)
    assert spawner.instance_type == "t3.medium" and spawner.image == ""
    # Stored, or sent by a form or a link, it is as little shown as obeyed.
    for page in (
        await choice.render("ada", set(), lasts(**{key: junk})),
        await choice.render("ada", set(), {}, sent=lasts(**{key: junk})),
        await choice.render("ada", set(), {}, Link(lasts(**{key: junk}))),
    ):
        assert "alert(1)" not in page and "x" * 1000 not in page


@pytest.mark.parametrize("key", ["profile", "image", "size", "market", "idle"])
async def test_null_is_no_choice(key):
    spawner, choice = a_choice()
    await choice.apply("ada", set(), lasts(**{key: None}))
    assert spawner.image == "ami-hydro"


@pytest.mark.parametrize("text", ["", "null", "[1]", "{", "[" * 100_000, "<script>"])
def test_a_forged_button_is_a_choice_like_any_other(text):
    sent = {"as-last-time": [text], "profile": ["machine"]}
    assert set(options_from_form(sent)) <= {"profile"}


async def test_what_is_for_another_group_is_refused_by_its_name():
    _, choice = a_choice()
    with pytest.raises(EC2SpawnError) as caught:
        await choice.apply("ada", set(), lasts(size="large"))
    assert "Large: Only for the group modellers: ask ada@lab.edu." in str(caught.value)


async def test_what_does_not_go_together_is_refused_before_aws_is_asked():
    spawner, choice = a_choice()
    with pytest.raises(EC2SpawnError) as caught:
        await choice.apply("ada", set(), lasts(size="graviton"))
    assert caught.value.status_code == 400
    assert "Graviton, Hydrology 2026.2: these do not go together." in str(caught.value)
    assert spawner.instance_type == "t3.medium"
