"""``ec2spawner demo`` for a person: says what to try, then tells what happens."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .demo import Demo, DemoOptions
from .faults import Breakage, break_ec2
from .hub import HubFailed
from .watch import Watcher

_LOOK_SECONDS = 0.25
_END_SECONDS = 30

_WELCOME = """
  Open      {url}
  Name      any, for example maria
  Password  {password}
  Admin     admin, with the password {admin_password}

What to try
  1. Log in, choose a size by its price, and start: watch the steps until JupyterLab
     opens.
  2. Run a cell in a notebook. It runs on a machine that is yours alone.
  3. Open the address in a private window, log in with another name and start a
     server: it gets a machine of its own.
  4. Stop your server (File > Hub Control Panel > Stop). Its machine is
     terminated. {idle}
     Start it again: your files are there.
  5. Log in as admin: Admin in the menu has everybody's servers. In another terminal
     see all machines, and why each is there:

     ec2spawner ls --hub-folder {folder}
{build}
{about}

What EC2 is asked, and the machines:"""

_BUILD = """
  6. On the form choose From a repository, and write one of GitHub's: its image is
     made, and its packages are a kernel. Or make an image yourself, and see it:

     ec2spawner image build https://github.com/OWNER/REPOSITORY --hub-folder {folder}
     ec2spawner image ls --hub-folder {folder}
"""

_ABOUT = """It is all on this computer: no AWS account, no cost. An EC2 machine is
{what}, and what is not in your home goes with it. {trust} Ctrl-C ends the demo."""


def run_demo(
    options: DemoOptions,
    breakages: list[Breakage],
    say: Callable[[str], None],
    verbose: bool,
) -> int:
    """Run until it is interrupted; returns the exit status of the command."""
    began = time.monotonic()
    say("Starting a local EC2 and a JupyterHub on this computer ...")
    demo = Demo(options)
    watcher: Watcher | None = None
    try:
        with demo:
            log = LogReader(demo.log, say) if verbose else None
            demo.prepare(lambda text: say(f"  {text}"))
            demo.start_cloud()
            watcher = Watcher(demo.control, say)
            look = partial(_look, watcher, log)
            try:
                demo.start_hub()
                break_ec2(demo.control, breakages)
                say(f"... ready in {time.monotonic() - began:.0f} s.")
                say(_welcome(demo))
                _watch(demo, look)
            except HubFailed as e:
                look()
                say(f"\n{e}. The end of its log:\n{demo.log_tail()}")
                return 1
            except KeyboardInterrupt:
                say("\nEnding the demo ...")
                demo.stop_hub(meanwhile=look)
                _see_machines_end(watcher, look)
    except KeyboardInterrupt:
        # Too early for the orderly way, or somebody is in a hurry.
        pass
    left = demo.left_behind()
    say(_farewell(time.monotonic() - began, watcher, left))
    return 1 if left else 0


def _look(watcher: Watcher, log: LogReader | None) -> None:
    if log is not None:
        log.look()
    watcher.look()


def _watch(demo: Demo, look: Callable[[], None]) -> None:
    while demo.hub is not None:
        look()
        demo.hub.check()
        time.sleep(_LOOK_SECONDS)


def _see_machines_end(watcher: Watcher, look: Callable[[], None]) -> None:
    """The Hub does not wait for EC2's last word, but who watches wants to hear it."""
    end = time.monotonic() + _END_SECONDS
    look()
    while watcher.something_ends and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
        look()


def _welcome(demo: Demo) -> str:
    seconds = demo.options.idle_timeout
    idle = f"So is that of a server left idle for {_span(seconds)}." if seconds else ""
    kind = demo.options.kind
    about = textwrap.fill(_ABOUT.format(what=kind.what, trust=kind.trust), 82)
    return _WELCOME.format(
        url=demo.public_url,
        password=demo.password,
        admin_password=demo.admin_password,
        idle=idle,
        folder=demo.folder,
        build=_BUILD.format(folder=demo.folder) if demo.options.outside else "",
        about=about,
    )


def _farewell(seconds: float, watcher: Watcher | None, left: str | None) -> str:
    machines = watcher.machines if watcher else 0
    calls = sum(watcher.calls.values()) if watcher else 0
    came = f"{machines} machine{'' if machines == 1 else 's'} came and went"
    end = f"but this is left: {left}" if left else "and nothing is left behind"
    return (
        f"The demo is over after {_span(seconds)}: EC2 was called {calls} times, "
        f"{came}, {end}."
    )


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


class LogReader:
    """Shows the Hub's log as it grows."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path = path
        self._say = say
        self._offset = path.stat().st_size if path.exists() else 0

    def look(self) -> None:
        if not self._path.exists():
            return
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._say("hub | " + line.decode("utf-8", "replace").rstrip())
