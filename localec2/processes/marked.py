"""Find and end processes by a marker in their environment.

A process started with ``NAME=VALUE`` in its environment hands it to everything it
starts, also to what starts a session of its own (Jupyter's kernels do), so the marker
finds what process groups and sessions lose. What was started with an emptied
environment is found as a descendant of a marked process.

Run as a script it is the keeper's other half (`reaper.Keeper`). Then nothing else of
this package can be imported: only the standard library here.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable

#: in the environment of everything that runs on a machine: <cloud id>/<instance id>
MARKER = "EC2SPAWNER_LOCAL"

#: states in which a process does not run (proc(5), /proc/pid/stat): stopped, traced,
#: ended, unknown because it is gone
_STILL = ("T", "t", "Z", "X", "")


def marked_processes(name: str, value: str) -> list[int]:
    """Processes with ``name=value`` or ``name=value/...``, and their descendants.

    This process is never among them. Zombies are not counted: they run nothing.
    """
    found: set[int] = set()
    for each, pids in processes_by_marker(name).items():
        if each == value or each.startswith(value + "/"):
            found.update(pids)
    return sorted(found)


def processes_by_marker(name: str) -> dict[str, list[int]]:
    """Marker value -> processes that carry it, and their descendants."""
    prefix = name.encode() + b"="
    children: dict[int, list[int]] = {}
    marked: dict[str, list[int]] = {}
    me = os.getpid()
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        pid = int(entry)
        parent, state = _parent_and_state(pid)
        if parent is None or state in ("Z", "X"):
            continue
        children.setdefault(parent, []).append(pid)
        if pid == me:
            continue
        for item in _environ(pid).split(b"\0"):
            if item.startswith(prefix):
                value = item[len(prefix) :].decode("utf-8", "replace")
                marked.setdefault(value, []).append(pid)
                break
    return {value: _with_children(pids, children) for value, pids in marked.items()}


def _with_children(pids: list[int], children: dict[int, list[int]]) -> list[int]:
    todo = list(pids)
    seen = {os.getpid()}
    result = []
    while todo:
        pid = todo.pop()
        if pid not in seen:
            seen.add(pid)
            result.append(pid)
            todo.extend(children.get(pid, ()))
    return sorted(result)


def send(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def freeze(find: Callable[[], list[int]], deadline: float = 10.0) -> list[int]:
    """SIGSTOP what ``find`` finds until all of it stands still; returns it.

    Again and again until no new one shows up: one of them may start another
    between the look and the signal, and the kernel stops a process only when it
    next gets to run.
    """
    end = time.monotonic() + deadline
    stopped: set[int] = set()
    while True:
        found = find()
        send([pid for pid in found if pid not in stopped], signal.SIGSTOP)
        moving = [pid for pid in found if _parent_and_state(pid)[1] not in _STILL]
        if stopped.issuperset(found) and not moving or time.monotonic() > end:
            return found
        stopped.update(found)
        time.sleep(0.001)


def kill_marked(name: str, value: str, deadline: float = 10.0) -> list[int]:
    """SIGKILL all marked processes until none is left; returns what is left.

    They are frozen first: otherwise one of them may start another between the look
    and the kill.
    """
    end = time.monotonic() + deadline
    while True:
        found = freeze(lambda: marked_processes(name, value), deadline=1.0)
        send(found, signal.SIGKILL)
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.01)


def remove_folder(folder: str) -> None:
    """Remove a folder that something may still be writing to."""
    for _ in range(50):
        if folder.startswith("/sys/fs/cgroup/"):
            _empty_group(folder)
        if os.path.isfile(folder) or os.path.islink(folder):
            os.unlink(folder)
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        time.sleep(0.05)


def _empty_group(group: str) -> None:
    """End what a control group holds; its files are the kernel's."""
    for folder, _, files in os.walk(group, topdown=False):
        if "cgroup.procs" in files:
            try:
                with open(os.path.join(folder, "cgroup.procs")) as file:
                    send([int(pid) for pid in file.read().split()], signal.SIGKILL)
                os.rmdir(folder)
            except OSError:  # gone, or not yet empty: it is looked at again
                pass


def _environ(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:  # gone, or another user's
        return b""


def _parent_and_state(pid: int) -> tuple[int | None, str]:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except OSError:
        return None, ""
    # The name in parentheses may hold anything, so look from the last one on.
    fields = text[text.rindex(b")") + 2 :].split()
    return int(fields[1]), fields[0].decode()


def _watch(lifeline: int, name: str, value: str, folders: list[str]) -> None:
    """Wait for the owner's end, then leave nothing of it behind."""
    while os.read(lifeline, 1):
        pass
    for _ in range(2):
        # Twice: what was between fork and exec at the first look carries no
        # marker yet.
        kill_marked(name, value)
        time.sleep(0.2)
    for folder in folders:
        remove_folder(folder)
    kill_marked(name, value)


def _main(argv: list[str]) -> None:
    lifeline, name, value = int(argv[0]), argv[1], argv[2]
    # Away from the owner: not its child (it may be killed with its tree), not in
    # its session (a Ctrl-C or a closed terminal is not for us).
    if os.fork():
        os._exit(0)
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _watch(lifeline, name, value, argv[3:])


if __name__ == "__main__":
    _main(sys.argv[1:])
