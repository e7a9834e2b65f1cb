"""What a choice makes of a server's settings."""

import pytest

from ec2spawner.core.errors import EC2SpawnError, Reason
from ec2spawner.server.choice import ServerChoice
from ec2spawner.spawner import EC2Spawner


def with_profiles(*profiles, **settings):
    spawner = EC2Spawner(profile_list=list(profiles), **settings)
    return spawner, ServerChoice(spawner)


async def apply(choice, **options):
    return await choice.apply("ada", set(), options)


async def test_a_profile_adds_to_the_hubs_environment_and_removes_from_it():
    override = {"environment": {"COURSE": "hydro", "OLD": None}}
    spawner, choice = with_profiles(
        {"display_name": "A", "ec2spawner_override": override},
        environment={"HUB": "ours", "OLD": "1"},
    )
    assert await apply(choice) == "a"
    assert spawner.environment == {"HUB": "ours", "COURSE": "hydro"}


async def test_a_value_may_be_a_callable_at_every_level_and_async():
    async def own_folder(spawner):
        return {"PROJECT": spawner.instance_type}

    size = {
        "l": {"ec2spawner_override": {"instance_type": lambda spawner: "m7i.large"}}
    }
    project = {"p": {"ec2spawner_override": {"environment": own_folder}}}
    spawner, choice = with_profiles(
        {
            "display_name": "A",
            "profile_options": {"s": {"choices": size}, "p": {"choices": project}},
        }
    )
    await apply(choice)
    # Those that come later see what earlier ones have set.
    assert spawner.environment == {"PROJECT": "m7i.large"}


async def test_the_next_choice_finds_the_settings_as_they_were_configured():
    spawner, choice = with_profiles(
        {
            "display_name": "A",
            "ec2spawner_override": {
                "instance_type": "t3.nano",
                "environment": {"A": "1"},
                "on_stop": "stop",
            },
        },
        {"display_name": "B", "ec2spawner_override": {"environment": {"B": "2"}}},
        instance_types=["m7i.large", "m6i.large"],
    )
    await apply(choice, profile="a")
    assert spawner.types == ["t3.nano"]
    await apply(choice, profile="b")
    assert spawner.environment == {"B": "2"}
    assert spawner.types == ["m7i.large", "m6i.large"]
    assert spawner.on_stop == "terminate"


async def test_after_a_start_that_failed_the_form_tells_the_truth_of_other_profiles():
    _, choice = with_profiles(
        {"display_name": "A", "ec2spawner_override": {"on_stop": "stop"}},
        {"display_name": "B"},
    )
    before = await choice.render("ada", set(), {})
    await apply(choice, profile="a")
    assert await choice.render("ada", set(), {}) == before


async def test_a_choice_that_is_refused_changes_nothing():
    spawner, choice = with_profiles(
        {"display_name": "A", "ec2spawner_override": {"instance_type": "t3.nano"}}
    )
    await apply(choice)
    with pytest.raises(EC2SpawnError) as caught:
        await apply(choice, profile="b")
    assert caught.value.reason == Reason.OPTIONS.value
    assert spawner.instance_type == "t3.nano"


async def test_a_written_value_that_its_setting_does_not_take_is_for_the_admin():
    written = {
        "enabled": True,
        "ec2spawner_override": {"root_volume_size": "{value}"},
    }
    _, choice = with_profiles(
        {"display_name": "A", "profile_options": {"s": {"unlisted_choice": written}}}
    )
    with pytest.raises(EC2SpawnError) as caught:
        await apply(choice, **{"s--unlisted-choice": "many"})
    assert caught.value.reason == Reason.CONFIG.value


async def test_a_form_of_the_hubs_own_gets_what_kubespawners_gets(tmp_path):
    (tmp_path / "form.html").write_text(
        "{% for p in profile_list %}{{ p.slug }}"
        "{% for k, o in p.profile_options.items() %}"
        " {{ k }}={{ o.choices | list | join(',') }}"
        " {{ o.unlisted_choice.validation_regex }}{% endfor %}{% endfor %}"
        " {{ user_options.size }} {{ (profile_list | tojson).count('m7i') }}"
    )
    large = {"ec2spawner_override": {"instance_type": "m7i.large"}}
    size = {
        "choices": {"s": {}, "l": large},
        "unlisted_choice": {"enabled": True, "validation_regex": "m.*"},
    }
    _, choice = with_profiles(
        {"display_name": "A", "profile_options": {"size": size}},
        additional_profile_form_template_paths=[str(tmp_path)],
    )
    shown = await choice.render("ada", set(), {"profile": "a", "size": "l"})
    assert shown == "a size=s,l m.* l 0"


async def test_the_form_selects_what_was_chosen_last_and_escapes_what_was_written():
    written = {"enabled": True, "validation_message": "<b>any</b>"}
    size = {"choices": {"s": {}, "l": {}}, "unlisted_choice": written}
    _, choice = with_profiles({"display_name": "A", "profile_options": {"size": size}})
    last = {"profile": "a", "size--unlisted-choice": '"><script>'}
    form = await choice.render("ada", set(), last)
    assert '"><script>' not in form and "&#34;&gt;&lt;script&gt;" in form
    assert "<b>any" not in form
    for gone in ({"size": "xl"}, {"size": ["l"]}, {"profile": "z", "size": "l"}, {}):
        form = await choice.render("ada", set(), gone)
        small = form[form.index('value="s"') :]
        assert "selected" in small[: small.index(">")]
