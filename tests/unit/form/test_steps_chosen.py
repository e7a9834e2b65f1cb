"""What can be chosen of sizes and images, by any way, and what is refused."""

import re

import pytest

from ec2spawner.core.errors import EC2SpawnError, Reason
from ec2spawner.form.link import Link
from ec2spawner.profiles.choose import options_from_form

from .form_of_sizes import a_choice, card, form, lasts


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
    assert "A computation keeps it on; an open tab that nobody" in page
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
