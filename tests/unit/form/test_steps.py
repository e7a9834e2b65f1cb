"""The form of sizes and images: what it tells."""

import re
from html import unescape

import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.state import StoppedMachine
from ec2spawner.costs.budget import Budget, Scope, Use
from ec2spawner.costs.price_list import PriceList
from ec2spawner.costs.spent import Spent
from ec2spawner.form.link import Link
from ec2spawner.launch.history import StartHistory, StartKind
from ec2spawner.profiles.choose import options_from_form

from .form_of_sizes import a_choice, card, facts_of, form, lasts


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


async def test_where_a_machine_is_ready_the_form_says_so_of_its_size_alone():
    def ready(setting, types):
        return setting("image") == "ami-hydro" and types == ["g4dn.xlarge"]

    page = await form(known={"ready": ready})
    assert "ready at once" in card(page, "gpu")[0]
    assert "ready" not in card(page, "small")[0]
    assert "at once" in facts_of(page)["gpu"]["ready"].values()


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
