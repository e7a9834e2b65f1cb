"""Lists in the shape that KubeSpawner documents, with only the key renamed.

What they make of the settings is what the help of KubeSpawner 7.1's ``profile_list``
says, and its ``tests/test_profile.py`` holds it to. Where it fails, we do not: a choice
that is not there is no ``KeyError``, a text must match as a whole, and what is stored
and is no longer on offer keeps nobody out.
"""

import json

import pytest

from ec2spawner.core.errors import EC2SpawnError, Reason
from ec2spawner.profiles.choose import options_from_form
from ec2spawner.profiles.read import ignored_settings
from ec2spawner.server.choice import ServerChoice
from ec2spawner.spawner import EC2Spawner


def renamed(entry):
    """What an admin does who moves here."""
    text = json.dumps(entry).replace("kubespawner_override", "ec2spawner_override")
    return json.loads(text)


SOFTWARE = {
    "display_name": "Software",
    "choices": {
        "plain": {
            "display_name": "Python alone",
            "kubespawner_override": {"image": "lab/plain:1"},
        },
        "full": {
            "display_name": "Everything",
            "default": True,
            "kubespawner_override": {"image": "lab/full:1"},
        },
    },
    "unlisted_choice": {
        "enabled": True,
        "display_name": "Another image",
        "display_name_in_choices": "Write its name",
        "validation_regex": "^lab/.+:.+$",
        "validation_message": "An image as lab/<name>:<tag>",
        "kubespawner_override": {
            "image": "{value}",
            "environment": {
                "OWN_IMAGE": "{value}",
                "SHELL_VARIABLE": "${NB_USER}",
                "BRACES": "${{NB_USER}}",
            },
            "extra_labels": {"own-image": "{value}"},
        },
    },
}
FIRST = {
    "display_name": "Analysis",
    "description": "With whatever software you like",
    "slug": "analysis",
    "default": True,
    "profile_options": {"image": SOFTWARE},
    "kubespawner_override": {"default_url": "/lab", "environment": {"KIND": "lab"}},
}
SECOND = {
    "display_name": "With a GPU",
    "slug": "gpu",
    "kubespawner_override": {
        "extra_resource_guarantees": {"nvidia.com/gpu": "1"},
        "environment": {"KIND": "gpu", "HUB": None},
    },
}
EXAMPLES = {
    "a list": renamed([FIRST, SECOND]),
    # Keys are for the order only, and may differ from the slugs.
    "a dictionary": renamed({"2": SECOND, "1": FIRST}),
    "a callable": lambda spawner: renamed([FIRST, SECOND]),
}


async def _later(spawner):
    return renamed({"1": FIRST, "2": SECOND})


EXAMPLES["an async callable"] = _later


@pytest.fixture(params=EXAMPLES)
def server(request):
    spawner = EC2Spawner(
        profile_list=EXAMPLES[request.param], environment={"HUB": "ours"}
    )
    return spawner, ServerChoice(spawner)


def settings_of(spawner):
    return spawner.image, spawner.default_url, spawner.environment


HUB = {"HUB": "ours", "KIND": "lab"}
OWN = {
    "OWN_IMAGE": "lab/mine:2",
    "SHELL_VARIABLE": "${NB_USER}",
    "BRACES": "${NB_USER}",
}


@pytest.mark.parametrize(
    "options, settings",
    [
        ({}, ("lab/full:1", "/lab", HUB)),
        ({"profile": ""}, ("lab/full:1", "/lab", HUB)),
        ({"profile": "analysis"}, ("lab/full:1", "/lab", HUB)),
        ({"profile": "analysis", "image": "plain"}, ("lab/plain:1", "/lab", HUB)),
        # Who asks by REST may leave out the profile.
        ({"image": "plain"}, ("lab/plain:1", "/lab", HUB)),
        (
            {"profile": "analysis", "image--unlisted-choice": "lab/mine:2"},
            ("lab/mine:2", "/lab", {**HUB, **OWN}),
        ),
        ({"profile": "gpu"}, ("", "", {"KIND": "gpu"})),
        ({"garbage": "by REST"}, ("lab/full:1", "/lab", HUB)),
    ],
)
async def test_a_documented_list_makes_the_settings_that_kubespawner_makes(
    server, options, settings
):
    spawner, choice = server
    await choice.apply("ada", set(), options)
    assert settings_of(spawner) == settings


@pytest.mark.parametrize(
    "fields, image",
    [
        ({"profile-option-analysis--image": ["plain"]}, "lab/plain:1"),
        (
            {
                "profile-option-analysis--image": ["unlisted-choice"],
                "profile-option-analysis--image--unlisted-choice": ["lab/mine:2"],
            },
            "lab/mine:2",
        ),
        ({"profile-option-gpu--image": ["plain"]}, "lab/full:1"),
    ],
)
async def test_the_fields_of_its_form_are_read_as_it_reads_them(server, fields, image):
    spawner, choice = server
    options = options_from_form({"profile": ["analysis"], **fields})
    await choice.apply("ada", set(), options)
    assert spawner.image == image


async def test_its_form_is_preselected_only_with_what_is_on_offer(server):
    _, choice = server
    for last in ({"profile": "analysis", "image": "gone"}, {"profile": "gone"}):
        form = await choice.render("ada", set(), last)
        assert 'value="full"' in form and "gone" not in form


@pytest.mark.parametrize(
    "options",
    [
        {"profile": "gone"},
        {"profile": "analysis", "image": "gone"},
        {"profile": "analysis", "image--unlisted-choice": "lab/x:1\n; rm -rf"},
        {"profile": "analysis", "image--unlisted-choice": ["lab/x:1"]},
        {"profile": "analysis", "image--unlisted-choice": "elsewhere/x:1"},
    ],
)
async def test_where_it_raises_an_error_a_user_reads_a_sentence(server, options):
    _, choice = server
    with pytest.raises(EC2SpawnError) as caught:
        await choice.apply("ada", set(), options)
    assert (caught.value.reason, caught.value.status_code) == (Reason.OPTIONS, 400)


def test_what_only_kubernetes_knows_in_them_can_be_told_to_the_admin():
    ignored = ignored_settings(EXAMPLES["a list"])
    assert ignored == {"extra_labels", "extra_resource_guarantees"}


async def test_a_later_option_replaces_what_an_earlier_one_has_set():
    """Options count in the order in which the profile has them."""
    size = {"choices": {"l": {"kubespawner_override": {"image": "lab/large:1"}}}}
    entry = {**FIRST, "profile_options": {"image": SOFTWARE, "size": size}}
    spawner = EC2Spawner(profile_list=renamed([entry]))
    await ServerChoice(spawner).apply("ada", set(), {"image": "plain"})
    assert spawner.image == "lab/large:1"


@pytest.mark.parametrize(
    "name, slug",
    [("With a GPU", "with-a-gpu"), ("Übung (größer)", "ubung-groer"), ("R & D", "r-d")],
)
async def test_a_slug_is_made_of_the_name(name, slug):
    spawner = EC2Spawner(profile_list=[{"display_name": name}])
    assert await ServerChoice(spawner).apply("ada", set(), {}) == slug
