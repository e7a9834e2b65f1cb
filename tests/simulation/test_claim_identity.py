"""Claims with identity documents that are another machine's, old, or nobody's."""

from __future__ import annotations

import json

import pytest

from ec2spawner.core.state import Phase
from localec2.metadata.identity_document import Signer
from localec2.world.metadata_view import metadata_view

from .scenarios import SETTINGS
from .virtual_world import ELSEWHERE, HOME, saved

USERS = ("alice", "bob")


@pytest.fixture
def hub(world):
    """A hub with two users; their machines say what the test says."""
    keys = {
        name: region.signer.certificate()
        for name, region in world.cloud.regions.items()
    }
    world.silent = True
    settings = {"home": "none", "on_stop": "stop", "claim_identity": "required"}
    hub = world.hub(**{**SETTINGS, **settings, "identity_certificates": keys})
    hub.start()
    for user in USERS:
        hub.call("POST", f"/users/{user}")
    hub.pass_time(2)
    return hub


def launch(hub, user="alice"):
    return saved(hub)[user, ""][1].current


def booted(hub, user="alice"):
    assert hub.call("POST", f"/users/{user}/server")[0] in (201, 202)
    hub.pass_until(lambda: launch(hub, user).phase is Phase.BOOTING, 60)
    return hub.world.machine(launch(hub, user).instance_id)


def claims(hub, machine, identity):
    """Status, and the token if one was given."""
    claim = {"nonce": machine.config["nonce"], "identity": identity}
    status, text = hub.run(machine.post("claim", claim))
    return status, json.loads(text)["env"] if status == 200 else {}


def signed_by(signer, machine):
    """What another key says of a machine, else as it should be."""
    view = metadata_view(machine.instance, signer)
    return view.items["dynamic/instance-identity/rsa2048"]().decode()


def test_a_machine_with_its_own_document_gets_its_orders(hub):
    machine = booted(hub)
    status, env = claims(hub, machine, machine.identity)
    assert status == 200 and env["JUPYTERHUB_API_TOKEN"]


def test_nobody_with_another_document_gets_anything(hub):
    """With the nonce, from the machine's own address, from a port of root's."""
    machine, neighbour = booted(hub), booted(hub, "bob")
    regions = hub.world.cloud.regions
    others = {
        "none": "",
        "a neighbour's": neighbour.identity,
        "another region's key": signed_by(regions[ELSEWHERE].signer, machine),
        "a key of nobody's": signed_by(Signer(), machine),
        "half of it": machine.identity[: len(machine.identity) // 2],
    }
    for what, document in others.items():
        assert claims(hub, machine, document) == (403, {}), what
    assert launch(hub).phase is Phase.BOOTING and not launch(hub).claimed_at
    assert signed_by(regions[HOME].signer, machine) == machine.identity
    assert claims(hub, machine, machine.identity)[0] == 200


def test_a_document_of_before_the_last_start_is_refused_when_the_machine_is_woken(hub):
    machine = booted(hub)
    old = machine.identity
    assert claims(hub, machine, old)[0] == 200
    machine.serving = True
    report = {"step": "ready", "message": "", "log": "", "seconds": 1}
    assert hub.run(machine.post("report", report))[0] == 204
    hub.pass_until(lambda: hub.spawners["alice"].ready, 30)
    hub.pass_time(600)
    assert hub.call("DELETE", "/users/alice/server")[0] in (202, 204)
    hub.pass_until(lambda: saved(hub)["alice", ""][1].stopped, 60)
    hub.pass_time(10)
    woken = booted(hub)
    assert woken.spec.instance_id == machine.spec.instance_id
    assert claims(hub, woken, old) == (403, {})
    assert claims(hub, woken, woken.identity)[0] == 200


def test_a_hub_that_was_restarted_and_cannot_ask_ec2_checks_what_it_remembers(
    world, hub
):
    machine, neighbour = booted(hub), booted(hub, "bob")
    hub.kill()
    world.fault("DescribeInstances", error=("Unavailable", 503))
    hub.start()
    assert claims(hub, machine, neighbour.identity)[0] in (403, 503)
    world.clear_faults()
    hub.pass_time(15)
    assert claims(hub, machine, neighbour.identity)[0] == 403
    assert claims(hub, machine, machine.identity)[0] == 200
