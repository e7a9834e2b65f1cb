"""Scenes on real machines, with real Jupyter servers: who computes is kept, who has
left is stopped. Their other seventy are in tests/idle, by values."""

import asyncio
import contextlib
import json
import time

import pytest

from ec2spawner.demo.visitor import Visitor
from ec2spawner.hub.database.own import own_engine
from ec2spawner.hub.database.uses import Uses

pytestmark = pytest.mark.slow

IDLE_SECONDS = 40
SETTINGS = {
    "profile_list": [],
    "sizes": ["t3.small"],
    "idle_warning": 20,
    "environment": {"JUPYTERHUB_ACTIVITY_INTERVAL": "2"},
}
# Most of a processor, in the background and without a terminal; less where others
# want it, too.
LOOP = """nohup python3 -c '
import time
while True:
    began = time.process_time()
    while time.process_time() - began < 0.3:
        pass
    time.sleep(0.1)
' > /dev/null 2>&1 &"""


async def nothing(visitor, stack):
    """The server is ready, and nobody ever opens it."""


async def idle_tab(visitor, stack):
    """A page is open that asks for news, with a terminal, and nobody before it."""
    socket = await terminal(visitor)
    stack.push_async_callback(socket.close)
    stack.callback(asyncio.ensure_future(ask_for_news(visitor)).cancel)


async def ask_for_news(visitor):
    while True:
        await visitor._get(visitor.server_url("", "ec2spawner/told"))
        await asyncio.sleep(5)


async def silent_kernel(visitor, stack):
    cell = visitor.run_cell("import time; time.sleep(900)", timeout=900)
    task = asyncio.ensure_future(cell)
    await asyncio.sleep(8)
    task.cancel()


async def silent_program(visitor, stack):
    await types(visitor, "sleep 900")


async def prompt(visitor, stack):
    await types(visitor, "python3 -q")


async def in_background(visitor, stack):
    await types(visitor, LOOP)


async def terminal(visitor):
    await visitor.open_lab()
    api = visitor.server_url("", "api/terminals")
    headers = visitor._headers({"Sec-Fetch-Mode": "cors"}, api)
    async with visitor._open.post(api, headers=headers) as answer:
        name = (await answer.json())["name"]
    url = visitor.server_url("", f"terminals/websocket/{name}")
    return await visitor._open.ws_connect(url, origin=str(visitor.public_url.origin()))


async def types(visitor, line):
    """In a terminal of Jupyter's, of which the tab is closed then."""
    socket = await terminal(visitor)
    async for packet in socket:
        if json.loads(packet.data)[0] == "stdout":  # its prompt
            break
    await socket.send_json(["stdin", line + "\r"])
    await asyncio.sleep(3)
    await socket.close()


#: what somebody does -> what keeps their server on; empty for nothing
SCENES = {
    nothing: "",
    idle_tab: "",
    prompt: "",
    silent_kernel: "a kernel is busy (python3)",
    silent_program: "sleep runs in a terminal",
    in_background: "python3 uses 0.",
}


async def test_who_computes_is_kept_and_who_has_left_is_stopped(make_hub):
    hub = make_hub(idle_timeout=IDLE_SECONDS, settings=SETTINGS, patience=180)
    await hub.start()
    async with contextlib.AsyncExitStack() as stack:
        began = {}

        async def play(scene):
            name = scene.__name__.replace("_", "-")
            visitor = await stack.enter_async_context(Visitor(hub.url, name, "any"))
            await visitor.log_in()
            await visitor.choose("machine")
            await visitor.ready(timeout=180)
            await scene(visitor, stack)
            began[name] = time.monotonic()
            return name

        # Two at a time: they all start a JupyterLab.
        names = {}
        scenes = list(SCENES)
        for pair in zip(scenes[::2], scenes[1::2]):
            found = await asyncio.gather(*map(play, pair))
            names.update(zip(found, pair))
        kept = {name: SCENES[scene] for name, scene in names.items() if SCENES[scene]}
        for name in names.keys() - kept.keys():
            await hub.wait_gone(name, timeout=IDLE_SECONDS + 90)
            last = hub.remembers(name).last_stop
            assert last.limit == "idle" and last.at - last.idle_since >= IDLE_SECONDS

        async def all_have_had_their_time():
            return time.monotonic() > max(began.values()) + IDLE_SECONDS + 30

        await hub.wait_until(all_have_had_their_time, IDLE_SECONDS + 60, "time")
        notes = told(hub)
        for name, why in kept.items():
            assert (await hub.server(name))["ready"], name
            machine = hub.remembers(name).current.instance_id
            assert why in notes[machine].why, (name, notes[machine])
            assert notes[machine].sees_people


def told(hub):
    """What an admin's command would read."""
    url = f"sqlite:///{hub.folder / 'jupyterhub.sqlite'}"
    engine = own_engine(url, {})
    with engine.connect() as connection:
        row = connection.exec_driver_sql("select hub_id from ec2spawner_uses").one()
    return Uses(engine, row.hub_id).read()[0]
