"""People before a page, over ssh, and gone."""

import asyncio

from ..script import KEEP, KEEP_LIMIT, scene
from ..stage import type_into

# A page tells of people every 30 seconds at most, which is half of the time here.
_THERE = r"somebody has used it|nobody has used it .* for [34]\d s"


@scene("The server is started and nobody ever opens it", "Nobody came", letter="F")
async def nobody(stage):
    pass


@scene(
    "JupyterLab is left open and visible over night",
    "An open page is no person",
    letter="A",
)
async def open_tab(stage):
    await stage.page()


@scene(
    "JupyterLab is left open with a kernel and a terminal",
    "An open page is no person",
)
async def open_tab_with_more(stage):
    await stage.page()
    await stage.cell("1 + 1")
    socket = stage.terminal()
    await stage.stack.enter_async_context(socket)


@scene(
    "A silent kernel computes, and JupyterLab is open",
    "The computation is why the machine is there",
    keeps=r"a kernel is busy \(python3\)",
    letter="G",
)
async def open_tab_and_silent_kernel(stage):
    await stage.page()
    await stage.begin_cell("import time; time.sleep(900)")


@scene("Somebody moves the mouse in JupyterLab", "They are there", keeps=_THERE)
async def mouse(stage):
    page = await stage.page()
    place = [100]

    async def move():
        place[0] = 900 - place[0]
        await page.mouse.move(place[0], 300)

    stage.keeps(move, 5)


@scene(
    "Two windows are open, and somebody uses one of them",
    "They are there",
    keeps=_THERE,
)
async def two_windows(stage):
    await stage.page()
    page = await stage.page()
    stage.keeps(lambda: page.keyboard.press("ArrowDown"), 5)


@scene("The tab is closed after work", "Nobody is there, and nothing runs")
async def closed_tab(stage):
    page = await stage.page()
    await page.mouse.click(300, 300)
    await page.close()


@scene("A laptop sleeps, and its sockets hang", "Nobody is there, and nothing runs")
async def sleeping_laptop(stage):
    await stage.ask(human=True)
    _, kernel = await stage.visitor.run_cell("1 + 1")
    # It answers nothing any more, the server's pings neither.
    path = f"api/kernels/{kernel}/channels?session_id=laptop"
    socket = await stage.socket(path, autoping=False)
    stage.stack.push_async_callback(socket.close)


@scene(
    "A web socket of a page was left behind that answers pings",
    "No page asks for news any more",
)
async def left_socket(stage):
    await stage.ask(human=True)
    _, kernel = await stage.visitor.run_cell("1 + 1")
    socket = await stage.socket(f"api/kernels/{kernel}/channels?session_id=left")
    stage.stack.push_async_callback(socket.close)
    stage.keeps(socket.receive, 0.1)


@scene(
    "Somebody comes back during the warning",
    "They have seen it, and move the mouse",
    keeps=_THERE,
)
async def comes_back(stage):
    page = await stage.page()
    toast = page.locator(".Toastify__toast").filter(has_text="it stops in")
    await toast.wait_for()
    await page.mouse.move(300, 300)
    await page.mouse.move(400, 300)
    await toast.wait_for(state="detached")
    stage.keeps(lambda: page.keyboard.press("ArrowDown"), 5)


@scene(
    "Somebody presses Keep, and does not come back",
    "They have what they asked for, and no more",
    after=KEEP,
)
async def keep(stage):
    await stage.ask(keep=KEEP)


@scene(
    "Somebody presses Keep for as long as it gives anything, and leaves",
    "All presses together give what the admin allows",
    after=KEEP_LIMIT - KEEP,
)
async def keep_for_ever(stage):
    for _ in range(10):
        await stage.ask(keep=KEEP)
        await asyncio.sleep(KEEP / 9)


@scene("Somebody works by ssh, and opens no page", "They are there", keeps=_THERE)
async def ssh(stage):
    session = await stage.ssh()

    async def types():
        type_into(session, "cd .\n")

    stage.keeps(types, 5)


@scene("An ssh session is left open with a shell", "Nobody types there")
async def left_ssh(stage):
    type_into(await stage.ssh(), "ls\n")


@scene("An ssh session is left open in vim", "It waits for somebody who has left")
async def left_ssh_in_vim(stage):
    type_into(await stage.ssh(), "vim.tiny notes\n")
    await stage.until("pgrep -u jovyan vim", 20)


@scene(
    "A silent program runs in an ssh session",
    "It waits for something",
    keeps="sleep runs in a terminal",
)
async def program_by_ssh(stage):
    type_into(await stage.ssh(), "sleep 900\n")


@scene(
    "A job was begun by ssh, which is over",
    "It computes",
    keeps=r"uses \d\.\d CPUs",
)
async def job_by_ssh(stage):
    session = await stage.ssh()
    type_into(session, "nohup sh -c 'while :; do :; done' > /dev/null 2>&1 &\n")
    await stage.until("pgrep -fx 'sh -c while :; do :; done'", 20)
    type_into(session, "exit\n")
