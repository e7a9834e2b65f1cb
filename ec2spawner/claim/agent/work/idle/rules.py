"""What of a sight is use: each rule brings what it has found, in words. Pure.

They combine: a machine is in use when any of them has found something. What could not
be looked at counts as use.
"""

from __future__ import annotations

import os
import re
from typing import Callable, Iterator, Optional, Tuple

from .sight import Program, Sight

# CPUs, of all that is not idle. A visible tab of JupyterLab that nobody touches costs
# its server 0.002 (measured, JupyterLab 4.6).
BUSY_CPU = 0.10
# Per cent. A GPU on which nothing runs is at 0.
BUSY_GPU = 5
# Bytes a second. An open tab makes a few thousand.
BUSY_NETWORK = 200e3
#: of the Jupyter messaging protocol; the others are ``idle``, ``dead`` and ``unknown``
BUSY_KERNEL = ("busy", "starting", "restarting", "autorestarting")

# Programs that wait for a person whatever they were started with.
VIEWERS = frozenset(
    "less more most man info tail watch vi vim view vimdiff nvim nano pico joe micro "
    "emacs kak hx helix ed mc ranger nnn ncdu tig lazygit vd w3m lynx mutt top htop "
    "btop atop iotop nvtop glances tmux screen zellij byobu dialog whiptail ssh-add "
    "passwd".split()
)
# They wait themselves; what they have started is looked at for itself.
WRAPPERS = frozenset("sudo su doas login runuser script dbus-run-sessio".split())
# At their prompt, unless they were given a program.
INTERPRETERS = re.compile(
    r"-?(bash|sh|dash|zsh|fish|ksh|csh|tcsh|xonsh|nu|python[\d.]*|ipython[\d.]*"
    r"|bpython|ptpython|jupyter-console|R|julia|octave|node|irb|ruby|perl|ghci|scala"
    r"|lua|matlab)\b"
)
# At their prompt, whatever they were given, unless it is a command.
CONSOLES = re.compile(
    r"(psql|sqlite3?|mysql|mariadb|duckdb|redis-cli|mongosh|bc|gdb)\b"
)
# Options that bring a program: ``python -c``, ``bash -lc``, ``R --file=``.
_GIVEN = re.compile(r"-[a-zA-Z]*[cemE]$|-f|--(eval|file|command|expression|module)\b")
_COMMAND = re.compile(r"-[cefx]|--(command|execute|file|eval)\b")
# tmux calls itself ``tmux: client``.
_FIRST_WORD = re.compile(r"[^: ]*")


def kernels(sight: Sight) -> Iterator[str]:
    """A kernel that computes may use no processor: it waits for something."""
    for each in sight.kernels:
        if each.state in BUSY_KERNEL:
            yield "a kernel is busy (%s)" % each.name


def terminals(sight: Sight) -> Iterator[str]:
    """What runs in the foreground of a terminal and does not wait for its user."""
    for program in sight.programs:
        if not waits(program):
            yield "%s runs in a terminal" % called(program)


def cpus(sight: Sight) -> Iterator[str]:
    """Whatever else computes: in the background, in containers, by other accounts."""
    if sight.cpu > BUSY_CPU:
        who = sight.cpu_user or "something"
        yield "%s uses %.1f CPUs" % (who, max(sight.cpu, 0.1))


def gpus(sight: Sight) -> Iterator[str]:
    if sight.gpu >= BUSY_GPU:
        yield "a GPU is at %i %%" % sight.gpu


def network(sight: Sight) -> Iterator[str]:
    """A download that waits for the other end uses next to no processor."""
    if sight.network > BUSY_NETWORK:
        yield "%.1f MB/s pass the network" % (sight.network / 1e6)


def unknown(sight: Sight) -> Iterator[str]:
    for each in sight.unknown:
        yield "%s cannot be looked at" % each


RULES: Tuple[Callable[[Sight], Iterator[str]], ...] = (
    kernels,
    terminals,
    cpus,
    gpus,
    network,
    unknown,
)


def what_runs(sight: Sight) -> Tuple[str, ...]:
    """What keeps the machine in use, each thing once; nothing when nothing runs."""
    return tuple(dict.fromkeys(words for rule in RULES for words in rule(sight)))


def human_ago(sight: Sight) -> Optional[float]:
    """Since anybody was here; None for never.

    Of an application behind the proxy nobody can tell: while a page of it is open
    somebody may be looking at it.
    """
    if sight.others:
        return 0.0
    times = [each for each in (sight.typed, sight.human) if each is not None]
    return min(times) if times else None


def waits(program: Program) -> bool:
    """It is stopped, or waits for what its user types next."""
    name = _name(program.name)
    if program.stopped or "watch" in program.under:
        return True
    # ``vim.tiny`` and ``vim.basic`` are Debian's.
    if name.partition(".")[0] in VIEWERS or name in WRAPPERS:
        return True
    given = _arguments(program)
    if CONSOLES.match(name):
        return not any(map(_COMMAND.match, given))
    if INTERPRETERS.match(name):
        options = all(word.startswith("-") for word in given)
        return options and not any(map(_GIVEN.match, given))
    return False


def called(program: Program) -> str:
    """``python train.py``: what it was given, but no argument of that, which may be a
    secret."""
    name = _name(program.name)
    if not INTERPRETERS.match(name):
        return _whole(name, program)[:40]
    given = _arguments(program)
    for number, word in enumerate(given):
        if word == "-m":
            return " ".join((name, *given[number : number + 2]))[:40]
        if _GIVEN.match(word):
            break
        if not word.startswith("-"):
            return ("%s %s" % (name, os.path.basename(word)))[:40]
    return name[:40]


def _whole(name: str, program: Program) -> str:
    """The kernel keeps 15 characters of a name (proc(5), "comm")."""
    files = map(os.path.basename, program.words[:2])
    cut = len(name) == 15
    return next((file for file in files if cut and file.startswith(name)), name)


def _arguments(program: Program) -> Tuple[str, ...]:
    words = program.words
    # A script that names its interpreter: the kernel gives it the script's path.
    if len(words) > 1 and os.path.basename(words[1])[:15] == program.name:
        words = words[1:]
    return words[1:]


def _name(name: str) -> str:
    found = _FIRST_WORD.match(name)
    return found.group() if found else name
