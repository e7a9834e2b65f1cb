"""The processes of whoever works on this machine, as the kernel knows them."""

from __future__ import annotations

import os
from typing import Callable, Dict, Iterable, List

from .sight import Program

#: proc(5): the terminals that programs make, by their major device numbers
_PTS = range(136, 144)
_FEW = 20


class Process:
    """One of /proc. Seconds of processor time count those of ended children, too."""

    def __init__(self, pid: int, clock: int) -> None:
        folder = "/proc/%i" % pid
        with open(folder + "/stat", errors="replace") as file:
            text = file.read()
        # A name may hold anything.
        name, rest = text[text.index("(") + 1 :].rsplit(") ", 1)
        field = rest.split()
        self.pid, self.name, self.uid = pid, name, os.stat(folder).st_uid
        self.state, self.parent = field[0], int(field[1])
        self.group, self.tty, self.front = (int(field[i]) for i in (2, 4, 5))
        self.own = (int(field[11]) + int(field[12])) / clock
        self.children = (int(field[13]) + int(field[14])) / clock
        self.born = int(field[19])

    @property
    def terminal(self) -> str:
        """The file of its terminal; empty when it has none that people use."""
        major, minor = os.major(self.tty), os.minor(self.tty)
        if major not in _PTS:
            return ""
        return "/dev/pts/%i" % (minor + 256 * (major - _PTS[0]))

    @property
    def words(self) -> List[str]:
        """What it was started with."""
        try:
            with open("/proc/%i/cmdline" % self.pid, "rb") as file:
                text = file.read(4096).rstrip(b"\0").decode(errors="replace")
        except OSError:
            return []
        return text.split("\0")


def all_processes() -> Dict[int, Process]:
    """By number. What ends meanwhile is not there."""
    clock, found = os.sysconf("SC_CLK_TCK"), {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found[int(name)] = Process(int(name), clock)
            except (OSError, ValueError, IndexError):
                pass
    return found


def theirs(
    table: Dict[int, Process], is_theirs: Callable[[Process], bool]
) -> List[Process]:
    """Those that are theirs, and what these have started: by sudo it is root's."""
    known: Dict[int, bool] = {}

    def ours(pid: int) -> bool:
        path: List[int] = []
        while pid in table and pid not in known and pid not in path:
            path.append(pid)
            if is_theirs(table[pid]):
                known[pid] = True
                break
            pid = table[pid].parent
        found = known.get(pid, False)
        known.update(dict.fromkeys(path, found))
        return found

    return [process for pid, process in table.items() if ours(pid)]


def in_front(mine: Iterable[Process]) -> List[Program]:
    """What would get the next key of each terminal."""
    front = {p.pid: p for p in mine if p.terminal and p.group == p.front}
    return [
        program_of(p)._replace(under=tuple(_under(p, front)), stopped=p.state == "T")
        for p in front.values()
        if p.state not in "ZX"
    ]


def program_of(process: Process) -> Program:
    return Program(process.name, tuple(process.words))


def _under(process: Process, front: Dict[int, Process]) -> List[str]:
    found: List[str] = []
    parent = front.get(process.parent)
    while parent and parent.group == process.group and len(found) < _FEW:
        found.append(parent.name)
        parent = front.get(parent.parent)
    return found


def typed_at(mine: Iterable[Process]) -> List[float]:
    """When somebody has last typed at each of their terminals, by the wall clock.

    The kernel notes when a program has read what was typed, to 8 seconds.
    """
    files = {p.terminal for p in mine if p.terminal}
    found: List[float] = []
    for file in files:
        try:
            found.append(os.stat(file).st_atime)
        except OSError:
            pass
    return found
