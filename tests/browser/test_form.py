"""The form of a list of profiles, on a hub that is not at the top of its address."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.hub.conftest import living
from tests.hub.hub_process import TINY_COMMAND, HubProcess

from .conftest import keep, keep_narrow_and_dark, log_in

pytestmark = pytest.mark.browser


def sets(name, description="", **override):
    return {
        "display_name": name,
        "description": description,
        "ec2spawner_override": override,
    }


PROFILES = [
    sets("Course", "For the course of this week", instance_type="t3.micro"),
    {
        "display_name": "Analysis",
        "description": "Software and a size of your own",
        "profile_options": {
            "size": {
                "display_name": "Size",
                "choices": {
                    "small": sets("Small", "editing", instance_type="t3.small"),
                    "medium": sets("Medium", "most work", instance_type="t3.large"),
                },
            },
            "team": {
                "display_name": "Team",
                "unlisted_choice": {
                    "enabled": True,
                    "display_name": "Your team",
                    "validation_regex": "[a-z]+",
                    "validation_message": "Small letters only.",
                    "ec2spawner_override": {"environment": {"TEAM": "{value}"}},
                },
            },
        },
    },
]
#: as docs/howto/profiles.md has it
FANCY = """
import jupyterhub_fancy_profiles
c.JupyterHub.extra_handlers = [jupyterhub_fancy_profiles.STATIC_HANDLER_TUPLE]
c.EC2Spawner.additional_profile_form_template_paths = (
    jupyterhub_fancy_profiles.TEMPLATE_PATHS
)
"""
PRICES = {"t3.micro": 0.0104, "t3.small": 0.0208, "t3.large": 0.0832}


@pytest.fixture(scope="module")
def hub(cloud, tmp_path_factory):
    settings = {"profile_list": PROFILES, "prices": PRICES, "cmd": TINY_COMMAND}
    folder = tmp_path_factory.mktemp("form-hub")
    hub = HubProcess(folder, cloud, settings=settings, base_url="/jupyter")
    asyncio.run(hub.start())
    yield hub
    hub.kill()


async def test_what_is_wrong_is_said_and_the_rest_stays_and_all_without_a_mouse(
    page, hub, ec2
):
    await log_in(page, hub.url, "ada")
    await page.goto(f"{hub.url}/hub/spawn/ada/two")
    course = page.get_by_role("radio", name="Course")
    await expect(course).to_be_checked()
    await expect(page.get_by_text("0.010 USD an hour", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="Start Course")).to_be_visible()
    await course.focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("radio", name="Analysis")).to_be_checked()
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowDown")
    medium = page.get_by_role("radio", name="Medium")
    await expect(medium).to_be_checked()
    sentence = "Medium: 0.083 USD an hour, 0.67 for a day of 8 h."
    await expect(page.locator("#ec2-sum")).to_have_text(sentence)
    await expect(page.get_by_text("2 CPUs, 8 GiB of memory")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.type("Hydro")
    await keep_narrow_and_dark(page, "list-form")
    await page.keyboard.press("Enter")

    await expect(page.get_by_text("Your team: Small letters only.")).to_be_visible()
    await expect(medium).to_be_checked()
    await expect(page.get_by_label("Your team")).to_have_value("Hydro")
    assert ec2.requests("RunInstances") == []
    await keep_narrow_and_dark(page, "list-form-refused")
    await page.get_by_label("Your team").fill("hydro")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/jupyter/user/ada/two/**")
    assert [m.instance_type for m in living(ec2)] == ["t3.large"]
    await hub.stop_server("ada", "two")


async def test_a_person_without_javascript_starts_a_server_and_then_the_same_again(
    browser, hub, ec2
):
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await log_in(page, hub.url, "grace")
    await page.goto(f"{hub.url}/hub/spawn")
    team = page.get_by_label("Your team")
    await expect(team).to_be_hidden()
    await page.get_by_role("radio", name="Analysis").check()
    await page.get_by_role("radio", name="Medium").check()
    await team.fill("hydro")
    await page.get_by_role("button", name="Start").click()
    await hub.wait_ready("grace")
    await page.goto(f"{hub.url}/user/grace/")
    await expect(page.get_by_text('"user": "grace"')).to_be_visible()
    await hub.stop_server("grace")

    await page.goto(f"{hub.url}/hub/spawn")
    await expect(page.get_by_text("As last time: Analysis: Medium")).to_be_visible()
    await page.get_by_role("radio", name="Course").check()
    await page.get_by_role("button", name="Start as last time").click()
    await hub.wait_ready("grace")
    assert [m.instance_type for m in living(ec2)] == ["t3.large"]
    env = open(f"/proc/{living(ec2)[0].pids[-1]}/environ").read().split("\0")
    assert "TEAM=hydro" in env
    await context.close()
    await hub.stop_server("grace")


@pytest.mark.slow
async def test_as_last_time_is_one_click(page, hub, ec2):
    options = {"profile": "analysis", "size": "small", "team--unlisted-choice": "snow"}
    await hub.start_server("mary", options=options)
    await hub.wait_ready("mary")
    await hub.stop_server("mary")
    await log_in(page, hub.url, "mary")
    await page.goto(f"{hub.url}/hub/spawn")
    await expect(page.get_by_label("Your team")).to_have_value("snow")
    await page.get_by_role("radio", name="Course").check()
    await keep_narrow_and_dark(page, "list-form-again")
    await page.get_by_role("button", name="Start as last time").click()
    await page.wait_for_url("**/jupyter/user/mary/**")
    assert [m.instance_type for m in living(ec2)] == ["t3.small"]
    await hub.stop_server("mary")


@pytest.mark.slow
async def test_the_form_of_jupyterhub_fancy_profiles_makes_the_machine(
    page, make_quick_hub, ec2
):
    """It takes the place of ours, and works only on a hub at the top of its address."""
    hub = make_quick_hub(settings={"profile_list": PROFILES}, code=FANCY)
    await hub.start()
    await log_in(page, hub.url, "ada")
    await page.get_by_role("radio", name="Analysis").check()
    await page.get_by_role("combobox", name="Size").press("ArrowDown")
    await page.get_by_text("most work").click()
    team = page.get_by_role("combobox", name="Your team")
    await team.fill("hydro")
    await keep(page, "fancy-profiles")
    await page.get_by_role("button", name="Start").click()
    await hub.wait_ready("ada")
    (machine,) = living(ec2)
    assert machine.instance_type == "t3.large"
    assert "TEAM=hydro" in open(f"/proc/{machine.pids[-1]}/environ").read().split("\0")
