"""People before a page, over ssh, and gone."""

import asyncio

from ..acts import begun_cell, cell, closed_page, moves, open_page, ssh
from ..script import KEEP, KEEP_LIMIT, play
from ..stage import type_into
from .loop import USES

# A page tells of people every 30 seconds at most, which is half of the time here.
_THERE = r"somebody has used it|nobody has used it .* for [34]\d s"
_HERE = "They are there"
_GONE = "Nobody is there, and nothing runs"
_NO_PERSON = "An open page is no person"


play(
    "nobody",
    "The server is started and nobody ever opens it",
    "Nobody came",
    letter="F",
)
play(
    "open-tab",
    "JupyterLab is left open and visible over night",
    _NO_PERSON,
    open_page(),
    letter="A",
)
play(
    "open-tab-with-more",
    "JupyterLab is left open with a kernel and a terminal",
    _NO_PERSON,
    open_page(),
    cell("1 + 1"),
    lambda stage: stage.stack.enter_async_context(stage.terminal()),
)
play(
    "open-tab-and-silent-kernel",
    "A silent kernel computes, and JupyterLab is open",
    "The computation is why the machine is there",
    open_page(),
    begun_cell("import time; time.sleep(900)"),
    keeps=r"a kernel is busy \(python3\)",
    letter="G",
)


async def _moves_on(stage):
    page = await stage.page()
    place = [100]

    async def move():
        place[0] = 900 - place[0]
        await page.mouse.move(place[0], 300)

    stage.keeps(move, 5)


async def _presses_on(stage):
    page = await stage.page()
    stage.keeps(lambda: page.keyboard.press("ArrowDown"), 5)


play(
    "mouse",
    "Somebody moves the mouse in JupyterLab",
    _HERE,
    _moves_on,
    keeps=_THERE,
)
play(
    "two-windows",
    "Two windows are open, and somebody uses one of them",
    _HERE,
    open_page(),
    _presses_on,
    keeps=_THERE,
)
play("closed-tab", "The tab is closed after work", _GONE, closed_page())


async def _sleeps(stage):
    # It answers nothing any more, the server's pings neither.
    await stage.hold(await stage.kernels_socket("laptop", autoping=False))


async def _answers_pings(stage):
    await stage.hold(await stage.kernels_socket("left"), answers=True)


play(
    "sleeping-laptop",
    "A laptop sleeps, and its sockets hang",
    _GONE,
    moves(),
    _sleeps,
)
play(
    "left-socket",
    "A web socket of a page was left behind that answers pings",
    "No page asks for news any more",
    moves(),
    _answers_pings,
)


async def _comes_back(stage):
    page = await stage.page()
    toast = page.locator(".Toastify__toast").filter(has_text="it stops in")
    await toast.wait_for()
    await page.mouse.move(300, 300)
    await page.mouse.move(400, 300)
    await toast.wait_for(state="detached")
    stage.keeps(lambda: page.keyboard.press("ArrowDown"), 5)


async def _keeps_for_ever(stage):
    for _ in range(10):
        await stage.ask(keep=KEEP)
        await asyncio.sleep(KEEP / 9)


play(
    "comes-back",
    "Somebody comes back during the warning",
    "They have seen it, and move the mouse",
    _comes_back,
    keeps=_THERE,
)
play(
    "keep",
    "Somebody presses Keep, and does not come back",
    "They have what they asked for, and no more",
    lambda stage: stage.ask(keep=KEEP),
    after=KEEP,
)
play(
    "keep-for-ever",
    "Somebody presses Keep for as long as it gives anything, and leaves",
    "All presses together give what the admin allows",
    _keeps_for_ever,
    after=KEEP_LIMIT - KEEP,
)


async def _types_on(stage):
    session = await stage.ssh()

    async def types():
        type_into(session, "cd .\n")

    stage.keeps(types, 5)


_BURN = "while :; do :; done"
play(
    "ssh",
    "Somebody works by ssh, and opens no page",
    _HERE,
    _types_on,
    keeps=_THERE,
)
play(
    "left-ssh",
    "An ssh session is left open with a shell",
    "Nobody types there",
    ssh("ls"),
)
play(
    "left-ssh-in-vim",
    "An ssh session is left open in vim",
    "It waits for somebody who has left",
    ssh("vim.tiny notes", shows="vim"),
)
play(
    "program-by-ssh",
    "A silent program runs in an ssh session",
    "It waits for something",
    ssh("sleep 900"),
    keeps="sleep runs in a terminal",
)
play(
    "job-by-ssh",
    "A job was begun by ssh, which is over",
    "It computes",
    ssh(f"nohup sh -c '{_BURN}' > /dev/null 2>&1 &", "exit", shows=f"^sh -c {_BURN}"),
    keeps=USES,
)
