"""What JupyterHub documents of a spawner, and what its hooks may do."""

from __future__ import annotations

import pytest
from jupyterhub import orm

from ec2spawner.core.state import Phase

from .scenarios import SETTINGS


@pytest.fixture
def make_hub(hubs_with):
    """Makes hubs of alice and bob, who have no servers yet."""
    return hubs_with({**SETTINGS, "home": "none"}, "bob")


def click(hub, **options):
    body = {"user_options": options} if options else None
    return hub.call("POST", "/users/alice/server", body)


def phase(hub):
    return hub.spawners["alice"].context.launch.phase


def serves(hub):
    return "alice" in hub.serving()


def is_off(hub):
    spawner = hub.spawners.get("alice")
    return spawner is None or not (spawner.active or spawner.pending)


def told(hub):
    """What a user reads of a start that has failed."""
    return hub.spawners["alice"]._spawn_future.exception().jupyterhub_message


def own_token(hub, name):
    """A token of a user that nobody's server has, and its row."""
    row = hub.app.db.query(orm.User).filter_by(name=name).one()
    token = row.new_api_token(note="own")
    return token, orm.APIToken.find(hub.app.db, token)


@pytest.mark.parametrize("profiles", [SETTINGS["profile_list"], []])
def test_options_of_the_hubs_own_are_none_of_our_business(make_hub, profiles):
    """As JupyterHub documents it: a form of the hub's own, and a hook that obeys it."""
    seen = []

    def hook(spawner):
        seen.append(spawner.user_options)
        spawner.environment = {"COURSE": spawner.user_options["course"]}

    hub = make_hub(profile_list=profiles, pre_spawn_hook=hook)
    own = {"profile": "large"} if profiles else {"profile": ["a", "b"]}
    assert click(hub, course="hydrology", **own)[0] in (201, 202)
    hub.pass_until(lambda: serves(hub), 60)
    assert seen[-1] == {"course": "hydrology", **own}
    (machine,) = hub.world.living(hub)
    assert machine.machine.orders["env"]["COURSE"] == "hydrology"
    assert machine.instance_type == ("t3.large" if profiles else "t3.medium")


@pytest.mark.parametrize("profiles", [SETTINGS["profile_list"], []])
@pytest.mark.parametrize("form", [None, "", lambda spawner: ""])
def test_there_is_always_a_form_or_an_address_would_start_a_server(
    make_hub, profiles, form
):
    """Without one JupyterHub starts a server at a mere GET of its page."""
    own = {} if form is None else {"options_form": form}
    hub = make_hub(profile_list=profiles, **own)
    spawner = hub.app.users["alice"].spawner
    assert hub.run(spawner.get_options_form()).strip()


def test_who_may_use_no_profile_starts_nothing_whichever_way_they_ask(make_hub):
    only = [{"display_name": "Large", "allowed_groups": ["modellers"]}]
    hub = make_hub(profile_list=only)
    for options in ({}, {"profile": "large"}, {"course": "hydrology"}):
        status, answer = click(hub, **options)
        assert (status, "no server that you may start" in answer["message"]) == (
            400,
            True,
        )
    assert not hub.world.living(hub)


def test_a_token_of_somebody_else_starts_no_server_and_stays_as_it_is(make_hub):
    tokens = {}

    def hook(spawner):
        spawner.api_token = tokens["bob"]

    hub = make_hub(pre_spawn_hook=hook)
    tokens["bob"], row = own_token(hub, "bob")
    before = row.hashed
    assert click(hub)[0] == 500
    assert "a token that is not yours" in told(hub)
    assert not hub.world.living(hub)
    assert "before RunInstances" not in hub.steps
    # The Hub itself revokes it; nobody has been given another in its place.
    row = orm.APIToken.find(hub.app.db, tokens["bob"])
    assert row is None or row.hashed == before


def test_a_start_without_a_token_in_the_database_fails_at_once(make_hub):
    def hook(spawner):
        spawner.api_token = "of-no-row-at-all"

    hub = make_hub(pre_spawn_hook=hook)
    began = hub.world.time.now
    assert click(hub)[0] == 500
    assert hub.world.time.now - began < 5
    assert "is not in its database" in told(hub)
    assert "before RunInstances" not in hub.steps


def test_a_token_that_is_gone_when_the_machine_claims_fails_the_start_at_once(
    world, make_hub
):
    hub = make_hub()
    world.silent = True
    click(hub)
    hub.pass_until(lambda: phase(hub) is Phase.BOOTING, 30)
    token_id = hub.spawners["alice"].context.launch.token_id
    hub.app.db.delete(hub.app.db.get(orm.APIToken, token_id))
    hub.app.db.commit()
    world.silent = False
    for machine in hub.machines:
        hub.meet(machine)
    hub.pass_until(lambda: is_off(hub), 30)
    assert "is not in its database" in told(hub)
    hub.pass_until(lambda: not world.living(hub), 30)
    click(hub)
    hub.pass_until(lambda: serves(hub), 60)


@pytest.mark.parametrize("on_stop", ["terminate", "stop"])
@pytest.mark.parametrize("when", [Phase.BOOTING, Phase.READY])
@pytest.mark.parametrize("trouble", [False, True], ids=["EC2 obeys", "EC2 fails"])
def test_after_a_stop_poll_says_that_it_is_over(
    world, make_hub, on_stop, when, trouble
):
    hub = make_hub(on_stop=on_stop)
    world.silent = when is Phase.BOOTING
    click(hub)
    hub.pass_until(lambda: phase(hub) is when, 60)
    if trouble:
        for action in ("StopInstances", "TerminateInstances"):
            world.fault(action, error=("Unavailable", 503))
    spawner = hub.spawners["alice"]
    assert hub.run(spawner.poll()) is None
    hub.run(spawner.stop())
    assert hub.run(spawner.poll()) is not None


def test_a_stop_after_a_restart_of_the_hub_does_not_wait_for_the_boot(world, make_hub):
    hub = make_hub()
    world.silent = True
    click(hub)
    hub.pass_until(lambda: phase(hub) is Phase.BOOTING, 30)
    hub.kill()
    hub.start()
    began = world.time.now
    status, answer = hub.call("DELETE", "/users/alice/server")
    assert status in (202, 204), answer
    hub.pass_until(lambda: is_off(hub) and not world.living(hub), 30)
    assert world.time.now - began < 30
    world.silent = False
    click(hub)
    hub.pass_until(lambda: serves(hub), 60)
    before = hub.serving()
    # Nor does what is left of the Hub's check stop the next server.
    hub.pass_time(600)
    assert hub.serving() == before


def test_a_boot_that_a_restarted_hub_watches_goes_on_to_its_end(world, make_hub):
    hub = make_hub()
    world.silent = True
    click(hub)
    hub.pass_until(lambda: phase(hub) is Phase.BOOTING, 30)
    hub.kill()
    hub.start()
    hub.pass_time(20)
    world.silent = False
    for machine in hub.machines:
        hub.meet(machine)
    hub.pass_until(lambda: serves(hub), 60)
    assert hub.call("DELETE", "/users/alice/server")[0] in (202, 204)
    hub.pass_until(lambda: is_off(hub) and not world.living(hub), 60)


def test_a_named_server_that_is_being_deleted_is_not_started_again_meanwhile(make_hub):
    """JupyterHub deletes its row under the new start, whose machine nobody reaches."""
    hub = make_hub(on_stop="stop")
    path = "/users/alice/servers/lab"
    assert hub.call("POST", path)[0] == 201
    # What ends the stopped machine takes a moment, and the Hub answers before.
    assert hub.call("DELETE", path, {"remove": True})[0] == 204
    launched = hub.steps.count("before RunInstances")
    status, said = hub.call("POST", path)
    assert status == 400 and "is being deleted" in str(said)
    assert hub.steps.count("before RunInstances") == launched
    hub.pass_time(5)
    assert hub.call("POST", path)[0] == 201
    assert "alice/lab" in hub.serving()
