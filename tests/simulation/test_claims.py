"""Claims and reports that come twice, late, or from others. A test is the machine."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlencode

import pytest

from ec2spawner.core.state import Phase, Wish

from .scenarios import SETTINGS
from .virtual_world import saved


@pytest.fixture
def silent(world):
    """Makes a hub with one user, alice; her machines say what the test says."""

    def make(**settings):
        world.silent = True
        hub = world.hub(**{**SETTINGS, "home": "none", **settings})
        hub.start()
        hub.call("POST", "/users/alice")
        hub.pass_time(2)
        return hub

    return make


def state(hub):
    return saved(hub)["alice", ""][1]


def booted(hub):
    """Alice's machine, which EC2 has named and which has not claimed."""
    assert hub.call("POST", "/users/alice/server")[0] in (201, 202)
    hub.pass_until(lambda: state(hub).current.phase is Phase.BOOTING, 60)
    hub.pass_time(4)
    return hub.world.machine(state(hub).current.instance_id)


def claims(machine, key="mine"):
    nonce = machine.config["nonce"]
    return machine.post("claim", {"nonce": nonce, "machine_key": key})


def orders(hub, machine, key="mine"):
    status, text = hub.run(claims(machine, key))
    assert status == 200
    machine.key = key
    return json.loads(text)


def says(hub, machine, step, **more):
    report = {"step": step, "message": "", "log": "", "seconds": 1, **more}
    return hub.run(machine.post("report", report))[0]


def serve(hub, machine, key="mine"):
    """Claim, and be ready. Returns the orders."""
    given = orders(hub, machine, key)
    machine.serving = True
    assert says(hub, machine, "ready") == 204
    hub.pass_until(lambda: hub.spawners["alice"].ready, 30)
    return given


def is_off(hub):
    spawner = hub.spawners.get("alice")
    return spawner is None or not (spawner.active or spawner.pending)


def whoami(hub, token):
    return hub.call("GET", "/user", token=token)[0]


def test_of_two_machines_that_claim_at_once_one_gets_orders(silent):
    hub = silent()
    machine = booted(hub)

    async def both():
        # Each waits for EC2's word on who has the address.
        return await asyncio.gather(claims(machine, "one"), claims(machine, "other"))

    answers = hub.run(both())
    assert sorted(status for status, _ in answers) == [200, 409]
    assert sum("TOKEN" in text for _, text in answers) == 1


def test_a_claim_from_a_port_that_is_not_roots_is_refused_unless_the_admin_says_so(
    silent,
):
    """A user's program on a machine that wakes up, which has read the user-data."""
    hub = silent()
    machine = booted(hub)
    claim = {"launch_id": machine.config["launch_id"], "machine_key": "mine"}
    claim["nonce"] = machine.config["nonce"]

    def claims_from(port):
        uri, at = "/hub/api/ec2spawner/claim", machine.address
        return hub.run(hub.request("POST", uri, claim, address=at, port=port))[0]

    for port in (1024, 40000):
        assert claims_from(port) == 403
    assert state(hub).current.phase is Phase.BOOTING
    hub.spawners["alice"].claims_as_root = False
    assert claims_from(40000) == 200


def test_a_machine_that_boots_again_gets_its_orders_and_is_waited_for(silent):
    hub = silent()
    machine = booted(hub)
    first = serve(hub, machine)
    hub.pass_time(600)
    assert state(hub).current.phase is Phase.READY
    again = orders(hub, machine)
    assert again == first
    assert state(hub).current.phase is Phase.CLAIMED
    assert hub.spawners["alice"].ready
    assert says(hub, machine, "ready") == 204
    assert state(hub).current.phase is Phase.READY
    hub.pass_time(600)
    assert hub.spawners["alice"].ready and not is_off(hub)


def test_an_answer_that_was_lost_is_given_again_to_the_same_machine(silent):
    """The Hub is killed right after it has marked a launch claimed."""
    hub = silent()
    machine = booted(hub)
    first = orders(hub, machine)
    hub.kill()
    hub.start()
    assert hub.run(claims(machine, "other"))[0] == 409
    again = orders(hub, machine)
    old, new = (given["env"].pop("JUPYTERHUB_API_TOKEN") for given in (first, again))
    assert whoami(hub, old) in (401, 403) and whoami(hub, new) == 200
    for given in (first, again):  # the same token, and words of the moment
        del given["env"]["JPY_API_TOKEN"], given["told"]
    assert first == again


def test_somebody_else_gets_nothing_after_a_reboot(silent):
    hub = silent()
    machine = booted(hub)
    serve(hub, machine)
    assert hub.run(claims(machine, "another key"))[0] == 409
    assert state(hub).current.phase is Phase.READY


def test_a_machine_that_boots_again_while_its_server_is_stopped_gets_nothing(
    world, silent
):
    hub = silent(stop_timeout=5)
    machine = booted(hub)
    serve(hub, machine)
    world.fault("TerminateInstances", error=("Unavailable", 503))
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: is_off(hub), 60)
    assert hub.run(claims(machine))[0] == 403


def test_nothing_a_machine_reports_is_set_on_the_server(silent):
    hub = silent()
    machine = booted(hub)
    serve(hub, machine)
    before = state(hub)
    lies = {"ip": "10.9.9.9", "private_ip": "10.9.9.9", "port": 1, "url": "http://x"}
    for step in ("account", "setup", "starting", "ready", "warning", "restarting"):
        assert says(hub, machine, step, message="10.9.9.9") == 204
        assert says(hub, machine, step, **lies) in (204, 400)
        hub.pass_time(60)
        # Not even ready_at: an answer that was lost is asked for again.
        assert state(hub) == before
    assert hub.serving() == {"alice": before.current.instance_id}


def test_a_late_ready_changes_nothing_while_the_server_stops(world, silent):
    hub = silent()
    machine = booted(hub)
    orders(hub, machine)
    world.seconds["GetConsoleOutput"] = 7  # and as long is it still listened to
    world.fault("TerminateInstances", error=("Unavailable", 503))
    says(hub, machine, "exited")  # the start fails, so the Hub stops it
    hub.pass_until(lambda: state(hub).current.wish is not Wish.SERVE, 60)
    before = state(hub)
    assert says(hub, machine, "ready") == 204
    hub.pass_time(10)
    assert says(hub, machine, "ready") == 403
    assert state(hub) == before and not before.current.ready_at
    hub.pass_until(lambda: is_off(hub), 200)


def test_only_the_machine_itself_is_told_that_its_server_has_ended(world, silent):
    hub = silent(stop_timeout=5)
    machine = booted(hub)
    serve(hub, machine)
    assert hub.run(machine.post("heartbeat", {}))[0] == 200
    world.fault("TerminateInstances", error=("Unavailable", 503))
    hub.call("DELETE", "/users/alice/server")
    hub.pass_until(lambda: is_off(hub), 60)
    assert hub.run(machine.post("heartbeat", {"machine_key": "other"}))[0] == 403
    assert hub.run(machine.post("heartbeat", {}))[0] == 410


def test_a_machine_that_dies_after_its_claim_is_not_replaced_in_the_same_start(
    world, silent
):
    hub = silent()
    machine = booted(hub)
    orders(hub, machine)
    world.lose(state(hub).current.instance_id)
    hub.pass_until(lambda: is_off(hub), 200)
    launches = [r for r in world.cloud.log.since() if r["action"] == "RunInstances"]
    assert len(launches) == 1
    assert not world.living(hub)


def test_the_token_of_the_orders_leaves_the_rights_of_the_server_as_they_were(silent):
    hub = silent()
    machine = booted(hub)

    def scopes():
        return set(hub.spawners["alice"].orm_spawner.oauth_client.allowed_scopes)

    before = scopes()
    assert before
    token = serve(hub, machine)["env"]["JUPYTERHUB_API_TOKEN"]
    assert scopes() == before
    assert whoami(hub, token) == 200
    (row,) = hub.spawners["alice"].orm_spawner.user.api_tokens
    assert row.match(token)


# -- what was in a machine's memory --------------------------------------------


@pytest.fixture
def woken(silent):
    """A hub, alice's machine that has woken up, and the token in its memory."""
    hub = silent(on_stop="hibernate", root_volume_size=20)
    machine = booted(hub)
    token = serve(hub, machine)["env"]["JUPYTERHUB_API_TOKEN"]
    hub.pass_time(60)
    hub.call("DELETE", "/users/alice/server")
    hub.pass_time(30)
    assert state(hub).stopped and whoami(hub, token) == 403
    assert booted(hub) is machine
    return hub, machine, token


def test_a_server_that_was_in_memory_goes_on_with_its_token(woken):
    hub, machine, token = woken
    again = orders(hub, machine)
    assert again["goes_on"] and not again["env"]
    assert whoami(hub, token) == 200


def test_a_woken_machine_with_another_key_gets_a_token_of_its_own(woken):
    """It has booted: there is no server in its memory to go on."""
    hub, machine, token = woken
    again = orders(hub, machine, key="another")
    assert not again["goes_on"]
    new = again["env"]["JUPYTERHUB_API_TOKEN"]
    assert new != token
    assert (whoami(hub, new), whoami(hub, token)) == (200, 403)


def test_a_woken_machine_that_boots_again_gets_a_token_of_its_own(woken):
    """The Hub has none that it could repeat: it was in the memory only."""
    hub, machine, token = woken
    orders(hub, machine)
    says(hub, machine, "ready")
    claim = {"nonce": machine.config["nonce"], "machine_key": "mine", "booted": True}
    status, text = hub.run(machine.post("claim", claim))
    assert status == 200
    again = json.loads(text)
    new = again["env"]["JUPYTERHUB_API_TOKEN"]
    assert not again["goes_on"] and new != token
    assert (whoami(hub, new), whoami(hub, token)) == (200, 403)


def test_a_browser_without_cookies_can_log_in_to_a_server_that_goes_on(woken):
    hub, machine, token = woken
    orders(hub, machine)
    # Jupyter proves itself with the token that it has had all the time.
    assert exchange_code(hub, token) == (400, "invalid_grant")
    assert exchange_code(hub, "another")[1] == "invalid_client"


def exchange_code(hub, secret):
    """What the Hub says to a server with a code from a browser, here a wrong one."""
    client = hub.spawners["alice"].orm_spawner.oauth_client
    form = {
        "grant_type": "authorization_code",
        "code": "wrong",
        "client_id": client.identifier,
        "client_secret": secret,
        "redirect_uri": client.redirect_uri,
    }
    uri = "/hub/api/oauth2/token"
    status, text = hub.run(hub.request("POST", uri, urlencode(form)))
    return status, json.loads(text)["error"]


@pytest.mark.parametrize("boots_again", [False, True])
def test_a_claim_for_a_server_whose_entry_is_lost_is_told_to_wait(silent, boots_again):
    """JupyterHub's row of a server goes when somebody rolls its session back."""
    hub = silent()
    machine = booted(hub)
    if boots_again:
        serve(hub, machine)
    hub.spawners["alice"].server = None
    hub.app.db.commit()
    status, text = hub.run(claims(machine))
    assert status == 503 and not text
    assert bool(state(hub).current.claimed_at) is boots_again
    if not boots_again:
        # The start fails in words, and the next works.
        hub.pass_until(lambda: is_off(hub), 60)
        assert hub.spawners["alice"].context.failure.reason == "database"
        hub.pass_until(lambda: not hub.world.living(hub), 60)
        serve(hub, booted(hub))


def listings_and_questions(hub):
    asked = [
        each["params"]
        for each in hub.world.cloud.log.since()
        if each["action"] == "DescribeInstances"
    ]
    questions = [p for p in asked if any(n.startswith("InstanceId") for n in p)]
    return len(asked) - len(questions), questions


def test_a_claim_waits_for_no_listing(silent):
    hub = silent(fast_interval=300, slow_interval=300)
    machine = booted(hub)
    hub.world.cloud.log.clear()
    began = hub.world.time.now
    orders(hub, machine)
    assert hub.world.time.now - began < 2
    assert listings_and_questions(hub)[0] == 0


def test_a_claim_that_ec2_does_not_answer_by_id_is_answered_by_the_next_listing(silent):
    hub = silent()
    machine = booted(hub)
    for fault in (
        {"error": ("InvalidInstanceID.NotFound", 400, machine.spec.instance_id)},
        {"error": ("UnauthorizedOperation", 403)},
    ):
        hub.world.fault("DescribeInstances", match={"InstanceId.1": "*"}, **fault)
    orders(hub, machine)
    assert listings_and_questions(hub)[0] > 0
