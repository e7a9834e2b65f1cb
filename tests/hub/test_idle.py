"""What nobody uses is warned and stopped; what computes silently is kept."""

import asyncio
from datetime import datetime, timezone

import pytest

from ec2spawner.demo.visitor import Visitor

from .conftest import living

IDLE_SECONDS = 12
SETTINGS = {
    "profile_list": [],
    "sizes": ["t3.small"],
    "idle_timeouts": {"Short": IDLE_SECONDS, "Long": 1800},
    # So often only here: an idle time of seconds needs reports of seconds.
    "environment": {"JUPYTERHUB_ACTIVITY_INTERVAL": "2"},
}


async def test_an_idle_server_is_warned_and_stopped_and_a_silent_computation_is_kept(
    make_hub, ec2
):
    hub = make_hub(idle_timeout=3600, settings={**SETTINGS, "sizes": ["t3.small"]})
    await hub.start()
    async with (
        Visitor(hub.url, "idle", "any") as idle,
        Visitor(hub.url, "busy", "any") as busy,
    ):
        for visitor in (idle, busy):
            await visitor.log_in()
            await visitor.choose(
                "machine", fields={"profile-option-machine--idle": "short"}
            )
        await asyncio.gather(idle.ready(), busy.ready())
        silent = busy.run_cell("import time; time.sleep(600)")
        computing = asyncio.ensure_future(silent)
        try:
            await hub.wait_gone("idle", timeout=90)
            # What a culler would go by: it would be stopped, too, by now.
            await hub.wait_until(
                lambda: is_idle_for(hub, "busy", IDLE_SECONDS + 2), 60, "it is silent"
            )
            assert (await hub.server("busy"))["ready"] and len(living(ec2)) == 1
        finally:
            computing.cancel()
        assert "idle is stopped: nobody has used it and nothing has run on" in hub.log
        last = hub.remembers("idle").last_stop
        assert last.limit == "idle" and last.at - last.idle_since >= IDLE_SECONDS
        status, page = await idle._get(idle.hub_url("home"))
        assert "nobody had used it and nothing had run on it for" in page


@pytest.mark.slow
async def test_the_culler_of_before_stops_what_was_idle_for_as_long_as_was_chosen(
    make_hub, ec2
):
    # Nobody's time: what the hub gives where nothing is chosen.
    hub = make_hub(idle_timeout=3600, settings=SETTINGS, culler="service")
    await hub.start()
    async with (
        Visitor(hub.url, "idle", "any") as idle,
        Visitor(hub.url, "busy", "any") as busy,
        Visitor(hub.url, "patient", "any") as patient,
    ):
        for visitor, time in ((idle, "short"), (busy, "short"), (patient, "long")):
            await visitor.log_in()
            await visitor.choose(
                "machine", fields={"profile-option-machine--idle": time}
            )
        await asyncio.gather(idle.ready(), busy.ready(), patient.ready())
        assert len(living(ec2)) == 3

        async def work():
            kernel = None
            while True:
                _, kernel = await busy.run_cell("1 + 1", kernel_id=kernel)
                await asyncio.sleep(2)

        working = asyncio.ensure_future(work())
        try:
            await hub.wait_gone("idle", timeout=90)
            # Had it the same time, it would be gone by the check that is due by now.
            await hub.wait_until(
                lambda: is_idle_for(hub, "patient", IDLE_SECONDS + 2),
                30,
                "patient is idle, too",
            )
            assert not working.done(), working.exception()
            for name, time in (("busy", "short"), ("patient", "long")):
                server = await hub.server(name)
                assert server["ready"] and server["user_options"]["idle"] == time
            assert len(living(ec2)) == 2
            status, page = await patient._get(patient.hub_url("home"))
            assert "after 30 min idle" in page
        finally:
            working.cancel()


async def is_idle_for(hub, user, seconds):
    last = datetime.fromisoformat((await hub.server(user))["last_activity"])
    return (datetime.now(timezone.utc) - last).total_seconds() > seconds
