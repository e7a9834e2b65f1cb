"""The Hub is killed at every commit of a stop that EC2 refuses. Time is free here."""

from __future__ import annotations

from .virtual_world import saved

SETTINGS = {"stop_timeout": 20, "sweep_interval": 30, "sweep_grace": 60}


def test_a_machine_whose_hub_was_killed_in_a_refused_stop_is_ended(world):
    """The user need not come back for that."""
    hub = world.hub(**SETTINGS)
    hub.start()
    hub.deadly = "commit"
    killed_at = 0
    while killed_at is not None:
        user = f"user-{killed_at}"
        hub.call("POST", f"/users/{user}")
        assert hub.call("POST", f"/users/{user}/server")[0] in (201, 202)
        hub.pass_time(30)
        assert user in hub.serving()
        world.fault("TerminateInstances", error=("Unavailable", 503))
        hub.steps_left = killed_at
        hub.call("DELETE", f"/users/{user}/server")
        if hub.alive:
            hub.pass_time(30)
        killed_at = None if hub.alive else killed_at + 1
        hub.steps_left = None
        world.cloud.faults.clear()
        if not hub.alive:
            hub.start()
        hub.pass_time(200)
        if user in hub.serving():  # the Hub had not begun to stop it
            assert hub.call("DELETE", f"/users/{user}/server")[0] in (202, 204)
            hub.pass_time(30)
        assert not world.living(hub), saved(hub)
        assert killed_at is None or killed_at < 30
