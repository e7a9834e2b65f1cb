"""The part of the agent that mounts a home, killed at a step. Run as a program.

A step is a command that it runs, or a folder that it makes or renames: Python tells
of them by itself, so a new one is covered without a change. With the agent die the
commands that it runs, as under systemd.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from ec2spawner.claim.agent.work import home

STEPS = ("subprocess.Popen", "os.mkdir", "os.rename")


def main(device: str, folder: str, seed: str, moment: int, delay: float) -> None:
    """
    :param moment: the step at which it dies; beyond the last for never
    :param delay: for how long, in seconds, the step goes on before that
    """
    count = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal count
        if event not in STEPS:
            return
        count += 1
        if count == moment and delay:
            threading.Timer(delay, os.killpg, (0, signal.SIGKILL)).start()
        elif count == moment:
            os.killpg(0, signal.SIGKILL)

    sys.addaudithook(hook)
    home.MOUNT = os.path.join(folder, "mount")
    home.device_of = lambda *which: device  # type: ignore[assignment]
    home.mount("vol-1")
    home.settle("root", os.path.join(folder, "home"), seed)
    print("steps:", count)
    # What is about to kill it may come too late.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), float(sys.argv[5]))  # type: ignore
