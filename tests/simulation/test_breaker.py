"""Who keeps others from starting: a broken image does, a broken home does not."""

from __future__ import annotations

import pytest

from ec2spawner.core.state import Phase

from .scenarios import SETTINGS
from .virtual_world import saved


@pytest.fixture
def make(world):
    """Makes a hub whose machines say what the test says."""

    def make(**settings):
        world.silent = True
        hub = world.hub(**{**SETTINGS, **settings})
        hub.start()
        hub.pass_time(2)
        return hub

    return make


class User:
    """Somebody with a server, and the words of their machine."""

    def __init__(self, hub, name):
        self.hub, self.name = hub, name
        hub.call("POST", f"/users/{name}")

    @property
    def launch(self):
        return saved(self.hub)[self.name, ""][1].current

    def click(self):
        return self.hub.call("POST", f"/users/{self.name}/server")[0]

    def is_off(self):
        spawner = self.hub.spawners.get(self.name)
        return spawner is None or not (spawner.active or spawner.pending)

    def start(self, *steps):
        """Ask for a server, and let the machine report these steps, the last again
        and again until all is over."""
        hub = self.hub
        hub.pass_until(self.is_off, 100)
        assert self.click() in (201, 202)
        hub.pass_until(lambda: self.launch.phase is Phase.BOOTING, 100)
        hub.pass_time(4)
        machine = hub.world.machine(self.launch.instance_id)
        claim = {"nonce": machine.config["nonce"], "machine_key": self.name}
        hub.pass_until(lambda: hub.run(machine.post("claim", claim))[0] == 200, 60)
        machine.key = self.name
        machine.serving = steps[-1] == "ready"
        for step in steps:
            report = {"step": step, "message": "", "log": "", "seconds": 1}
            assert hub.run(machine.post("report", report))[0] == 204
        if steps[-1] == "ready":
            hub.pass_until(lambda: hub.spawners[self.name].ready, 60)
        else:
            hub.pass_until(self.is_off, 100)

    def stop(self):
        self.hub.call("DELETE", f"/users/{self.name}/server")
        self.hub.pass_until(self.is_off, 100)
        self.hub.pass_time(10)


SERVES = ("account", "home", "mounted", "starting", "ready")
BROKEN_HOME = ("account", "home", "mounted", "starting", "failed")


def test_broken_homes_of_some_keep_nobody_else_from_starting(make):
    hub = make(on_stop="terminate")
    alice, bob = User(hub, "alice"), User(hub, "bob")
    for user in (alice, bob):
        user.start(*SERVES)
        user.stop()
    for _ in range(3):
        for user in (alice, bob):
            user.start(*BROKEN_HOME)
    User(hub, "carol").start(*SERVES)


def test_a_stopped_machine_that_fails_says_nothing_of_others(make):
    hub = make(on_stop="stop", home="none", boot_failure_limit=2)
    users = [User(hub, "alice"), User(hub, "bob")]
    for user in users:
        user.start("account", "starting", "ready")
        user.stop()
    for user in users:
        user.start("account", "failed")
    User(hub, "carol").start("account", "starting", "ready")


def test_an_image_that_fails_is_launched_no_more_until_somebody_else_tries(make):
    hub = make(home="none", boot_failure_limit=4, on_stop="terminate")
    alice, bob, carol = (User(hub, name) for name in ("alice", "bob", "carol"))
    for _ in range(2):
        for user in (alice, bob):
            user.start("account", "failed")
    assert carol.click() == 503
    hub.pass_time(310)
    assert alice.click() == 503
    carol.start("account", "starting", "ready")
    alice.start("account", "starting", "ready")
