"""What one look at the machine has found: plain values, from whatever they come."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple


class Program(NamedTuple):
    """A program in the foreground of a terminal, whose keys it would get."""

    #: as the kernel calls it
    name: str
    #: with its arguments, as it was started; empty when nobody may see them
    words: Tuple[str, ...] = ()
    #: programs that it was started by and that share the terminal, innermost first
    under: Tuple[str, ...] = ()
    #: Ctrl-Z was pressed
    stopped: bool = False


class Kernel(NamedTuple):
    """A kernel, as Jupyter tells of it."""

    name: str
    state: str


class Sight(NamedTuple):
    """One look. Seconds count from it backwards; None for never."""

    programs: List[Program] = []
    #: CPUs in use since the look before, but for what idle programs use
    cpu: float = 0.0
    #: who uses most of that
    cpu_user: str = ""
    #: bytes a second since the look before, but for those that stay here
    network: float = 0.0
    #: per cent of the busiest GPU
    gpu: int = 0
    kernels: List[Kernel] = []
    #: applications behind Jupyter's proxy that have a page open
    others: List[str] = []
    #: what could not be looked at, and so may be in use
    unknown: List[str] = []
    #: since somebody has typed in a terminal, by ssh or in Jupyter
    typed: Optional[float] = None
    #: since somebody has moved or typed in a page
    human: Optional[float] = None
    #: somebody who moves or types in a page would be seen
    sees_people: bool = False
    #: a number for the last press of Keep; 0 before
    keep: float = 0.0
