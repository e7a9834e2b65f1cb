"""Who watches a start sees it from its first step, however early they came."""

from __future__ import annotations

import asyncio

from .scenarios import SETTINGS


async def steps(spawner, seen):
    async for event in spawner.progress():
        seen.append(event["message"])


def test_a_watcher_who_is_there_before_the_start_sees_every_step(world):
    hub = world.hub(**{**SETTINGS, "home": "none"})
    hub.start()
    hub.call("POST", "/users/alice")
    for _ in range(2):  # also a start that is not the first of this Hub
        seen: list[str] = []

        async def watch_and_start(seen=seen):
            spawner = hub.app.users["alice"].spawners[""]
            hub.loop.create_task(hub.click("alice"))
            while not spawner.pending:
                await asyncio.sleep(0)
            await asyncio.wait_for(steps(spawner, seen), 100)

        hub.run(watch_and_start())
        assert "Asking AWS" in " ".join(seen)
        hub.pass_until(lambda: "alice" in hub.serving(), 100)
        hub.call("DELETE", "/users/alice/server")
        hub.pass_until(lambda: not hub.serving(), 60)
        hub.pass_time(10)
