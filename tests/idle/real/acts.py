"""What somebody does with a server: the words of which scenes are made.

Each is a function of a stage. What only one scene needs is a function beside it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .stage import Stage, type_into

Act = Callable[[Stage], Awaitable[Any]]

#: seconds; a program that somebody begins runs before
_BEGINS = 20


def types(*lines: str, shows: str = "", seconds: float = 2) -> Act:
    """Type lines into a terminal of Jupyter's, and close its tab.

    :param shows: a program that runs then
    :param seconds: what each line has to do what it does
    """

    async def act(stage: Stage) -> None:
        await stage.types(*lines, seconds=seconds)
        if shows:
            await stage.runs(shows, _BEGINS)

    return act


def background(
    line: str, *, times: int = 1, shows: str = "", seconds: float = 2
) -> Act:
    """Begin it in the background of a terminal that is closed then."""
    lines = [f"{line} > /dev/null 2>&1 &"] * times
    return types(*lines, "exit", shows=shows, seconds=seconds)


def file(name: str, text: str) -> Act:
    """A file in the home, which nobody has typed."""
    return lambda stage: stage.write(name, text)


def root(line: str) -> Act:
    """What an admin has done on the machine."""
    return lambda stage: stage.root(line)


def cell(code: str) -> Act:
    """Run it in a new kernel, to its end."""
    return lambda stage: stage.cell(code)


def begun_cell(code: str, seconds: float = 4) -> Act:
    """Begin to run it in a new kernel, and close the tab after so many seconds."""
    return lambda stage: stage.begin_cell(code, seconds)


def open_page(kit: bool = True) -> Act:
    """JupyterLab in a Chromium, which stays open."""
    return lambda stage: stage.page(kit)


def closed_page(kit: bool = True) -> Act:
    """The same, closed again."""

    async def act(stage: Stage) -> None:
        page = await stage.page(kit)
        await page.mouse.click(300, 300)
        await page.close()

    return act


def moves() -> Act:
    """Somebody has just moved in a page of ours."""
    return lambda stage: stage.ask(human=True)


def ssh(*lines: str, shows: str = "") -> Act:
    """Log in over ssh, type lines there, and leave it open.

    :param shows: a program that runs after the first
    """

    async def act(stage: Stage) -> None:
        session = await stage.ssh()
        for number, line in enumerate(lines):
            type_into(session, f"{line}\n")
            if shows and not number:
                await stage.runs(shows, _BEGINS)

    return act
