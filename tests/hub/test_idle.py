"""The real idle culler ends what is idle, and only that."""

import asyncio

from ec2spawner.demo.visitor import Visitor

from .conftest import living

IDLE_SECONDS = 12


async def test_an_idle_servers_machine_is_terminated_and_a_busy_ones_is_not(
    make_hub, ec2
):
    hub = make_hub(
        idle_timeout=IDLE_SECONDS,
        # So often only here: an idle time of seconds needs reports of seconds.
        settings={"environment": {"JUPYTERHUB_ACTIVITY_INTERVAL": "2"}},
    )
    await hub.start()
    async with (
        Visitor(hub.url, "idle", "any") as idle,
        Visitor(hub.url, "busy", "any") as busy,
    ):
        for visitor in (idle, busy):
            await visitor.log_in()
            await visitor.choose("small")
        await asyncio.gather(idle.ready(), busy.ready())
        assert len(living(ec2)) == 2

        async def work():
            kernel = None
            while True:
                _, kernel = await busy.run_cell("1 + 1", kernel_id=kernel)
                await asyncio.sleep(2)

        working = asyncio.ensure_future(work())
        try:
            await hub.wait_gone("idle", timeout=90)
            assert not working.done(), working.exception()
            assert (await hub.server("busy"))["ready"]
            assert len(living(ec2)) == 1
        finally:
            working.cancel()
