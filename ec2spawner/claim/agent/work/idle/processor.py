"""How much of the processors is used since the look before, and by whom most."""

from __future__ import annotations

import glob
import os
from typing import Dict, Iterable, List, Optional, Tuple

from .processes import Process

# A program that lives on and uses less is idle: a language server, a worker that waits
# for work, an editor's extension. An idle Dask worker uses 0.01 to 0.025 CPUs.
HUM = 0.03
ROOT = "/sys/fs/cgroup"
# The system's own services are nobody's use; these in its slice are.
THEIRS = ("ec2spawner-server.service", "docker-*.scope", "run-*.scope", "run-*.service")
SYSTEMS = ("system.slice", "init.scope")

_Id = Tuple[int, int]


class Processors:
    """Counts between two looks. Control groups of version 2 count what has come and
    gone, too, and those of others. Of processes of theirs in a group of the system's,
    as jobs of cron, parents count the children that they have waited for."""

    def __init__(self, root: str = ROOT) -> None:
        self.root = root
        self.own: Dict[_Id, float] = {}
        self.whole: Dict[str, float] = {}
        self.by_processes: Optional[float] = None

    def used(
        self, mine: Iterable[Process], seconds: float
    ) -> Tuple[float, Optional[Process]]:
        """CPUs in use, and who uses most of them; nothing at the first look."""
        mine = list(mine)
        own = {(p.pid, p.born): p.own for p in mine}
        whole = self.groups()
        by_processes = sum(p.own + p.children for p in mine)
        before, self.own = self.own, own
        totals, self.whole = self.whole, whole
        earlier, self.by_processes = self.by_processes, by_processes
        if earlier is None or seconds <= 0:
            return 0.0, None
        in_groups = sum(
            max(now - totals[path], 0.0)
            for path, now in whole.items()
            if path in totals
        )
        spent = max(in_groups, by_processes - earlier)
        each = {id: own[id] - before.get(id, 0.0) for id in own}
        idle = [
            used for id, used in each.items() if id in before and used < HUM * seconds
        ]
        most = max(mine, key=lambda p: each[p.pid, p.born], default=None)
        if most and each[most.pid, most.born] < HUM * seconds:
            most = None
        return max(spent - sum(idle), 0.0) / seconds, most

    def groups(self) -> Dict[str, float]:
        """Seconds of processor time of each group of people's; empty without any."""
        if not os.path.exists(self.root + "/cgroup.controllers"):
            return {}
        found: Dict[str, float] = {}
        for path in self.paths():
            try:
                with open(path + "/cpu.stat") as file:
                    found[path] = int(file.readline().split()[1]) / 1e6
            except (OSError, ValueError, IndexError):
                pass  # it has ended meanwhile
        return found

    def paths(self) -> List[str]:
        slices = [p for p in glob.glob(self.root + "/*/") if not _is_systems(p)]
        inside = [
            glob.glob("%s/system.slice/%s" % (self.root, name)) for name in THEIRS
        ]
        return slices + [path for paths in inside for path in paths]


def _is_systems(path: str) -> bool:
    name = os.path.basename(path.rstrip("/"))
    # Mounts and devices are units, too, and run nothing.
    return name in SYSTEMS or name.endswith((".mount", ".swap"))
