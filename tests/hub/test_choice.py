"""What was chosen makes the machine, and nothing else of what was sent reaches EC2.

What may not be had is refused: ``test_entry_points.py``.
"""

import pytest

from ec2spawner.demo.visitor import SpawnFailed, Visitor
from ec2spawner.demo.visitor.page import read_error

from .conftest import living


async def test_a_link_starts_nothing_but_preselects_what_it_asks_for(quick_hub, ec2):
    async with Visitor(quick_hub.url, "alice", "any") as alice:
        await alice.log_in()
        for query in (
            "opt-profile=large",
            "profile=large",
            "opt-profile=large&opt-x=1",
        ):
            page = await linked(alice, query)
            assert is_checked(page, "large") and "not on offer" not in page
        page = await linked(alice, "opt-profile=huge")
        assert is_checked(page, "small") and "not on offer" in page
        # What a link has asked for is not said again.
        page = await alice.form()
        assert "A link has brought you here" not in page and is_checked(page, "small")
        assert ec2.requests("RunInstances") == []
    assert "server with query arguments" not in quick_hub.log


async def linked(visitor, query):
    """The page that a link leads to."""
    status, page = await visitor._get(visitor.hub_url(f"spawn?{query}"))
    assert (status, read_error(page)) == (200, None)
    assert "A link has brought you here" in page
    return page


def is_checked(page, profile):
    button = page[page.index(f'value="{profile}"') :]
    return "checked" in button[: button.index(">")]


OWN_FORM = """
c.EC2Spawner.options_form = "Course: <input name='course' value='geo'>"
def read(form):
    return {"course": form["course"][0]}
c.EC2Spawner.options_from_form = read
def hook(spawner):
    spawner.environment = {"COURSE": spawner.user_options["course"]}
c.EC2Spawner.pre_spawn_hook = hook
"""


async def test_a_form_of_the_hubs_own_is_shown_to_who_follows_a_link_and_obeyed(
    make_quick_hub, ec2
):
    hub = make_quick_hub(settings={"profile_list": []}, code=OWN_FORM)
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        assert "name='course'" in await linked(alice, "opt-course=hydrology")
        assert ec2.requests("RunInstances") == []
        await alice.choose(None)
        await alice.ready()
    assert (await hub.server("alice"))["user_options"] == {"course": "geo"}
    assert "server with query arguments" not in hub.log


@pytest.mark.slow
async def test_options_that_are_not_ours_reach_nobody(quick_hub, ec2):
    options = {"profile": "small", "image": "ami-00000000", "course": "hydrology"}
    status, _ = await quick_hub.start_server("alice", options=options)
    assert status in (201, 202)
    await quick_hub.wait_ready("alice")
    assert "ami-00000000" not in ec2.requests_text()
    assert "hydrology" not in ec2.requests_text()


@pytest.mark.slow
async def test_the_last_choice_is_the_one_preselected(quick_hub, ec2):
    async with Visitor(quick_hub.url, "alice", "any") as alice:
        await alice.log_in()
        await alice.choose("large")
        await alice.ready()
        await alice.stop()
        await alice.choose(None)
        await alice.ready()
        assert [m.instance_type for m in living(ec2)] == ["t3.large"]


@pytest.mark.slow
async def test_a_stored_choice_that_is_no_longer_on_offer_starts_nothing(
    make_quick_hub, ec2
):
    hub = make_quick_hub()
    await hub.start()
    await hub.start_server("alice", options={"profile": "large"})
    await hub.wait_ready("alice")
    await hub.stop_server("alice")
    hub.stop()
    offer = [{"display_name": "Tiny", "ec2spawner_override": {}}]
    ec2.clear_requests()
    rewrite_profiles(hub, offer)
    await hub.start()
    status, answer = await hub.start_server("alice")
    assert status == 400, answer
    assert ec2.requests("RunInstances") == []


@pytest.mark.slow
async def test_a_profile_for_a_group_is_for_its_members_only(make_quick_hub, ec2):
    hub = make_quick_hub(
        settings={
            "profile_list": [
                {"display_name": "Small"},
                {
                    "display_name": "Large",
                    "allowed_groups": ["modellers"],
                    "ec2spawner_override": {"instance_type": "t3.large"},
                },
            ]
        },
        hub_settings={"load_groups": {"modellers": {"users": ["bob"]}}},
    )
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        assert "Large" not in await alice.form()
    status, _ = await hub.start_server("alice", options={"profile": "large"})
    assert status == 400
    status, _ = await hub.start_server("bob", options={"profile": "large"})
    assert status in (201, 202)
    await hub.wait_ready("bob")
    assert [m.instance_type for m in living(ec2)] == ["t3.large"]


OPTIONS = {
    "display_name": "Analysis",
    "profile_options": {
        "size": {
            "display_name": "Size",
            "choices": {
                "s": {
                    "display_name": "Small",
                    "ec2spawner_override": {"instance_type": "t3.small"},
                },
                "l": {
                    "display_name": "Large",
                    "ec2spawner_override": {"instance_type": "t3.large"},
                },
                "xl": {
                    "display_name": "Huge",
                    "allowed_groups": ["modellers"],
                    "ec2spawner_override": {"instance_type": "m7i.4xlarge"},
                },
            },
        },
        "course": {
            "unlisted_choice": {
                "enabled": True,
                "display_name": "Course",
                "validation_regex": "[a-z]+",
                "validation_message": "Small letters only.",
                "ec2spawner_override": {"environment": {"COURSE": "{value}"}},
            },
        },
    },
}


async def test_the_choices_of_a_profiles_options_make_the_machine_and_are_remembered(
    make_quick_hub, ec2
):
    settings = {"profile_list": [OPTIONS], "environment": {"HUB": "ours"}}
    hub = make_quick_hub(settings=settings)
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        form = await alice.form()
        assert "Large" in form and "Huge" not in form
        fields = {
            "profile-option-analysis--size": "l",
            "profile-option-analysis--course--unlisted-choice": "Hydro",
        }
        with pytest.raises(SpawnFailed, match="Course: Small letters only."):
            await alice.choose("analysis", fields=fields)
        fields["profile-option-analysis--course--unlisted-choice"] = "hydro"
        await alice.choose("analysis", fields=fields)
        await alice.ready()
        (machine,) = living(ec2)
        assert machine.instance_type == "t3.large"
        env = open(f"/proc/{machine.pids[-1]}/environ").read().split("\0")
        assert {"COURSE=hydro", "HUB=ours"} <= set(env)
        await alice.stop()
        form = await alice.form()
        assert 'value="hydro"' in form
        assert is_checked(form, "l")
    status, answer = await hub.start_server(
        "alice", options={"size": "xl", "course": "hydro"}
    )
    assert (status, "Size: this is not on offer" in answer["message"]) == (400, True)


@pytest.mark.slow
async def test_text_of_an_admin_is_shown_and_not_obeyed(make_quick_hub):
    hub = make_quick_hub(settings={"profile_list": [{"display_name": "<b>R & D</b>"}]})
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        assert "&lt;b&gt;R &amp; D&lt;/b&gt;" in await alice.form()


@pytest.mark.slow
async def test_without_profiles_a_server_starts_as_configured(make_quick_hub, ec2):
    hub = make_quick_hub(settings={"profile_list": [], "instance_type": "t3.micro"})
    await hub.start()
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        page = await alice.form()
        assert "Start your server" in page and "It ends when you stop" in page
        await linked(alice, "opt-instance_type=p5.48xlarge")
        assert ec2.requests("RunInstances") == []
        await alice.choose(None)
        await alice.ready()
    assert [m.instance_type for m in living(ec2)] == ["t3.micro"]


def rewrite_profiles(hub, offer):
    import json

    path = hub.folder / "options.json"
    options = json.loads(path.read_text())
    options["spawner"]["profile_list"] = offer
    path.write_text(json.dumps(options))


async def test_a_hub_that_cannot_work_does_not_start_and_says_what_to_set(
    make_quick_hub,
):
    """All that it may say is in ``tests/unit/test_startup.py``."""
    hub = make_quick_hub(
        settings={"image": ""},
        hub_settings={"hub_connect_url": "http://0.0.0.0:8081"},
    )
    hub.launch()
    assert hub.exit_code() != 0
    assert "no address to connect to" in hub.log
    assert "c.EC2Spawner.image is not set" in hub.log
