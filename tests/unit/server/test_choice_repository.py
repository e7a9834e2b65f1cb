"""A repository that a user, a profile or anybody names: checked on every way in."""

import re
from html import unescape

import pytest

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.profiles.choose import options_from_form
from ec2spawner.server.choice import ServerChoice, offer_for
from ec2spawner.spawner import EC2Spawner

URL = "https://example.org/lab/hydro"
SOURCES = ["https://example.org/lab/*"]
WRITTEN = "image--unlisted-choice"
OFF_HOST = "https://evil.org/lab/hydro"


def spawner(**settings):
    return EC2Spawner(
        **{"build_sources": SOURCES, "image": "ami-base", "start_timeout": 300}
        | settings
    )


async def apply(made, options, groups=(), choice=None):
    await (choice or ServerChoice(made)).apply("ada", set(groups), options)


async def test_what_is_written_on_the_form_is_the_repository_of_the_server():
    made = spawner(sizes={"Small": "t3.small"})
    choice = ServerChoice(made)
    await apply(made, {WRITTEN: f"{URL}@main"}, choice=choice)
    assert made.repository == f"{URL}@main" and made.image == "ami-base"
    # The Hub waits for the image, and then for what it waited for before.
    assert (made.start_timeout, choice.start_timeout) == (300 + 1800, 300)
    await apply(made, {"image": "standard"}, choice=choice)
    assert (made.repository, made.start_timeout) == ("", 300)


async def test_a_size_that_is_slow_to_start_has_its_own_time_beside_the_images():
    slow = {"instance_type": "t3.small", "ec2spawner_override": {"start_timeout": 900}}
    made = spawner(sizes={"Slow": slow})
    choice = ServerChoice(made)
    await apply(made, {}, choice=choice)
    assert (made.start_timeout, choice.start_timeout) == (900, 900)
    await apply(made, {WRITTEN: URL}, choice=choice)
    assert (made.start_timeout, choice.start_timeout) == (900 + 1800, 900)


@pytest.mark.parametrize("text", [OFF_HOST, "--x", f"{URL}/..", f"{URL}@-x", ["a"]])
async def test_what_is_none_of_the_hubs_is_refused_before_anything_begins(text):
    made = spawner()
    with pytest.raises(EC2SpawnError) as refused:
        await apply(made, {WRITTEN: text})
    assert refused.value.reason == "options" and made.repository == ""
    assert "https://example.org/lab/*" in refused.value.jupyterhub_message


@pytest.mark.parametrize("name", ["repository", "image--repository", "build_sources"])
async def test_no_other_option_names_one(name):
    made = spawner(sizes={"Small": "t3.small"})
    await apply(made, {name: URL})
    assert made.repository == "" and made.build_sources == SOURCES


async def test_a_profile_that_lets_too_much_through_lets_nothing_through():
    override = {"ec2spawner_override": {"repository": "{value}"}}
    free = {"enabled": True, **override}
    made = spawner(
        profile_list=[
            {"display_name": "A", "profile_options": {"r": {"unlisted_choice": free}}}
        ]
    )
    await apply(made, {"r--unlisted-choice": URL})
    assert made.repository == URL
    for text in (OFF_HOST, "/etc", "--x", "file:///etc"):
        with pytest.raises(EC2SpawnError, match="no repository that this hub builds"):
            await apply(made, {"r--unlisted-choice": text})


async def test_a_repository_of_the_whole_hub_is_checked_as_well():
    await apply(spawner(repository=URL), {})
    with pytest.raises(EC2SpawnError, match="no repository that this hub builds"):
        await apply(spawner(repository=OFF_HOST), {})
    with pytest.raises(EC2SpawnError, match="no repository that this hub builds"):
        await apply(spawner(repository=URL, build_sources=[]), {})


async def test_it_is_for_the_groups_that_the_admin_names():
    settings = {"build_allowed_groups": ["lab", "guests"]}
    for made in (spawner(**settings), spawner(sizes=["t3.small"], **settings)):
        (mine,) = await offer_for(made, "ada", {"lab"})
        assert any(option.unlisted for option in mine.options)
        (others,) = await offer_for(made, "bob", set())
        assert not any(option.unlisted for option in others.options)
        await apply(made, {WRITTEN: URL}, {"lab"})
        with pytest.raises(EC2SpawnError, match="choose from the list"):
            await apply(made, {WRITTEN: URL})
    made = spawner(repository=URL, build_sources=[URL], **settings)
    with pytest.raises(EC2SpawnError, match="for the group lab or guests only"):
        await apply(made, {})


async def test_without_sources_or_with_named_ones_only_nothing_is_written():
    assert await offer_for(spawner(build_sources=[]), "ada", set()) == ()
    assert await offer_for(spawner(build_sources=[URL]), "ada", set()) == ()
    listed = spawner(profile_list=[{"display_name": "A"}])
    (profile,) = await offer_for(listed, "ada", set())
    assert profile.options == ()


async def test_the_form_has_a_field_for_it_and_keeps_what_was_written():
    made = spawner(sizes={"Small": "t3.small"}, images={"Hydro": "ami-1"})
    form = await ServerChoice(made).render("ada", set(), {WRITTEN: f"{URL}@<b>"})
    assert "From a repository" in form and SOURCES[0] in form
    assert f'value="{URL}@&lt;b&gt;"' in form
    alone = await ServerChoice(spawner()).render("ada", set(), {})
    assert "Standard" in alone and "From a repository" in alone


async def test_as_last_time_names_the_repository_and_sends_it_again():
    made = spawner(sizes={"Small": "t3.small"})
    last = {"profile": "machine", "size": "small", WRITTEN: URL}
    form = await ServerChoice(made).render("ada", set(), last)
    assert f"As last time: Small, {URL}" in form
    (sent,) = re.findall(r'name="as-last-time"\s+value="([^"]*)"', form)
    options = options_from_form({"as-last-time": [unescape(sent)]})
    await apply(made, options)
    assert made.repository == URL
