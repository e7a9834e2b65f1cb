"""The real idle culler ends what has been idle for its own time, and only that."""

import asyncio
from datetime import datetime, timezone

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


async def test_a_machine_is_terminated_once_its_server_was_idle_as_long_as_was_chosen(
    make_hub, ec2
):
    # Nobody's time: what the hub gives where nothing is chosen.
    hub = make_hub(idle_timeout=3600, settings=SETTINGS)
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

        async def is_idle_for_longer():
            return await idle_seconds(hub, "patient") > IDLE_SECONDS + 2

        working = asyncio.ensure_future(work())
        try:
            await hub.wait_gone("idle", timeout=90)
            # Had it the same time, it would be gone by the check that is due by now.
            await hub.wait_until(is_idle_for_longer, 30, "patient is idle, too")
            assert not working.done(), working.exception()
            for name, time in (("busy", "short"), ("patient", "long")):
                server = await hub.server(name)
                assert server["ready"] and server["user_options"]["idle"] == time
            assert len(living(ec2)) == 2
            status, page = await patient._get(patient.hub_url("home"))
            assert "after 30 min idle" in page
        finally:
            working.cancel()


async def idle_seconds(hub, user):
    last = datetime.fromisoformat((await hub.server(user))["last_activity"])
    return (datetime.now(timezone.utc) - last).total_seconds()
