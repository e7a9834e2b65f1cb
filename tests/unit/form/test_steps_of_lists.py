"""The form of a ``profile_list``: its options tell what sizes and images do."""

import json
import re
from html import unescape

from ec2spawner.core.state import StoppedMachine
from ec2spawner.form.link import Link
from ec2spawner.launch.history import StartHistory, StartKind
from ec2spawner.profiles.choose import choose, options_from_form
from ec2spawner.server.choice import offer_for

from .test_steps import a_choice, card


def sets(name, **override):
    return {"display_name": name, "ec2spawner_override": override}


ANALYSIS = {
    "display_name": "Analysis",
    "description": "For notebooks",
    "profile_options": {
        "resources": {
            "display_name": "How much",
            "choices": {
                "few": sets("Few", instance_type="t3.medium"),
                "gpu": sets("GPU", instance_type="g4dn.xlarge"),
                "arm": sets("Graviton", instance_type="m7g.xlarge"),
                "many": {
                    **sets("Many", instance_type="m7i.4xlarge"),
                    "allowed_groups": ["modellers"],
                },
            },
        },
        "what": {
            "display_name": "Image",
            "choices": {
                "hydro": sets("Hydrology", image="ami-hydro"),
                "arm-image": sets("ARM", image="ami-arm"),
            },
            "unlisted_choice": {
                "enabled": True,
                "display_name": "Your own",
                "display_name_in_choices": "Another image",
                "validation_regex": "ami-[a-z]+",
                "validation_message": "The id of an AMI.",
                "ec2spawner_override": {"image": "{value}"},
            },
        },
        "course": {
            "display_name": "Course",
            "choices": {
                "a": sets("A", environment={"COURSE": "a"}),
                "b": sets("B", environment={"COURSE": "b"}),
            },
        },
    },
}
SPOT = sets("Spot", instance_type="t3.medium", market="spot")
OTHERS = {
    "sizes": {},
    "images": {},
    "markets": [],
    "idle_timeouts": [],
    "image": "ami-hydro",
}
LAST = {
    "profile": "analysis",
    "resources": "gpu",
    "course": "b",
    "what--unlisted-choice": "ami-own",
}


async def form(*profiles, last=(), link=Link(), sent=None, known=None, **settings):
    _, choice = a_choice(
        known, **{**OTHERS, "profile_list": list(profiles), **settings}
    )
    return await choice.render("ada", set(), dict(last), link, sent)


def words(page):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def test_choices_that_set_an_instance_type_are_a_table_of_sizes():
    for page in (await form(ANALYSIS), await form(ANALYSIS, SPOT)):
        text, _ = card(page, "gpu")
        assert "NVIDIA T4 16 GiB, 4 CPUs, 16 GiB of memory" in text
        assert "0.53 USD 4.21 for a day of 8 h" in text
        assert "price unknown" in card(page, "arm")[0]
        # What is for others is not even shown, as with KubeSpawner.
        assert "Many" not in page


async def test_a_size_tells_how_long_it_takes_and_what_aws_has_refused():
    history = StartHistory()
    kind = StartKind("us-west-2", "ami-hydro", "g4dn.xlarge")
    history.add(kind, {"machine": 4.0, "boot": 85.0})

    def refused(region, market, types, subnets, image):
        return "AWS was sold out." if "g4dn.xlarge" in types else ""

    page = await form(ANALYSIS, known={"history": history, "refused": refused})
    text, _ = card(page, "gpu")
    assert "ready in about 90 s" in text and "⚠ AWS was sold out." in text
    facts = json.loads(re.search(r'ion/json">(.*?)</script>', page, re.S)[1])
    assert "arm64" in facts["arm"]["misfits"]["hydro"]


async def test_the_last_choice_is_one_button_also_with_what_was_written():
    stopped = StoppedMachine("l", "i-1", instance_type="g4dn.xlarge", how="stop")
    for profiles in ([ANALYSIS], [SPOT, ANALYSIS]):
        page = await form(*profiles, last=LAST, known={"stopped": stopped})
        assert "As last time: Analysis: GPU" in page
        assert "Your machine is stopped, with all that is on it" in page
        value = re.search(r'name="as-last-time"\s+value="([^"]*)"', page)[1]
        assert options_from_form({"as-last-time": [unescape(value)]}) == LAST


async def test_what_is_chosen_at_first_is_what_was_chosen_last():
    page = await form(SPOT, ANALYSIS, last=LAST)
    assert re.search(r'value="analysis"[^>]*checked', page)
    assert "checked" in card(page, "gpu")[1]
    other = re.search(r'value="unlisted-choice"[^>]*>', page)[0]
    assert "checked" in other and 'value="ami-own"' in page
    assert re.search(r'value="b"\s+selected', page)


async def test_what_was_sent_and_refused_is_still_there():
    sent = {**LAST, "what--unlisted-choice": "Not an AMI", "resources": "few"}
    page = await form(ANALYSIS, SPOT, sent=sent)
    assert "checked" in card(page, "few")[1] and 'value="Not an AMI"' in page


async def test_every_field_of_the_form_is_one_that_is_read():
    """What a browser sends at once is a choice that can be had."""
    page = await form(SPOT, ANALYSIS, last=LAST)
    fields = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = (re.search(rf'{a}="([^"]*)"', tag) for a in ("name", "value"))
        if "radio" not in tag or "checked" in tag:
            fields[name[1]] = [value[1] if value else ""]
    for name, inside in re.findall(r'<select.*?name="(.*?)".*?>(.*?)</sel', page, re.S):
        fields[name] = re.findall(r'value="([^"]*)"\s+selected', inside)
    options = options_from_form(fields)
    assert options == {**LAST, "what": "unlisted-choice"}
    spawner, _ = a_choice(**{**OTHERS, "profile_list": [SPOT, ANALYSIS]})
    selection = choose(await offer_for(spawner, "ada", set()), options)
    assert [each.key for each in selection.choices.values()] == ["gpu", "b"]


async def test_a_profile_without_sizes_says_itself_what_it_costs():
    text = words(await form(SPOT, ANALYSIS))
    assert "Spot 0.013 USD an hour at the moment, and AWS may end it" in text
    assert "USD" not in await form(SPOT, ANALYSIS, known={"prices": None})


async def test_a_profile_that_names_one_type_does_not_cost_what_the_hubs_list_does():
    listed = {"instance_types": ["t3.medium", "g4dn.xlarge"]}
    one, listed_ones = sets("One", instance_type="t3.medium"), sets("Listed")
    text = words(await form(one, listed_ones, **listed))
    assert "One 0.042 USD an hour" in text
    assert "Listed up to 0.53 USD an hour" in text


async def test_a_spot_machine_is_called_one_where_its_sizes_tell_the_price():
    page = words(await form(ANALYSIS, market="spot"))
    assert "AWS may end a spot machine at two minutes' notice." in page
    assert "notice" not in words(await form(ANALYSIS))


async def test_what_becomes_of_files_is_told_once_where_it_is_the_same():
    page = words(await form(ANALYSIS, SPOT))
    assert page.count("The files on it end with it") == 1
    page = words(await form(ANALYSIS, SPOT, on_stop="stop"))
    assert page.count("It is stopped when you stop your server") == 1
    assert page.count("The files on it end with it") == 1


async def test_a_link_to_a_choice_that_is_not_there_is_said():
    page = await form(ANALYSIS, link=Link({"resources": "gpu"}))
    assert "checked" in card(page, "gpu")[1] and "not on offer" not in page
    page = await form(ANALYSIS, SPOT, link=Link({"resources": "huge"}))
    assert "not on offer" in page
    assert "not on offer" not in await form(
        ANALYSIS, link=Link({"what": "unlisted_choice"})
    )


async def test_without_profiles_there_is_a_button_and_what_becomes_of_files():
    assert "Start your server" in words(await form())
