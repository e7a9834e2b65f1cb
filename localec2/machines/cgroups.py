"""Control groups: a group of its own for every machine that boots.

systemd on a machine needs a group that nothing else is in, whichever version of
control groups this computer uses, or both.
"""

from __future__ import annotations

from pathlib import Path

#: hierarchies of version 1 that systemd on a machine uses or that limit it. Devices:
#: the group that we are in may be kept from disks
_V1 = {"name=systemd", "memory", "pids", "cpuacct", "freezer", "devices"}
_PREFIX = "ec2spawner-local-"


def hierarchies() -> list[Path]:
    """The mounted hierarchies that a machine's processes must be moved in."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ", 1)
        place, (kind, _, options) = left.split()[4], right.split(" ", 2)
        names = set(options.split(","))
        # Not cpuset: nobody may join a group of it that has no processors yet.
        if kind == "cgroup2" or kind == "cgroup" and names & _V1:
            found.append(Path(place))
    return found


def environment() -> dict[str, str]:
    """With which systemd-nspawn gives a machine version 2 alone, as AMIs of today have
    it, also where this computer has both side by side."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    if not any(line.split()[2] == "cgroup2" for line in mounts):
        return {}
    return {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}


def cloud_groups(cloud_id: str) -> list[Path]:
    """Where the groups of one cloud's machines are; to be removed with it."""
    return [each / (_PREFIX + cloud_id) for each in hierarchies()]


def join(pid: int, cloud_id: str, instance_id: str) -> None:
    """Move a process into the groups of a machine."""
    for parent in cloud_groups(cloud_id):
        group = parent / instance_id
        group.mkdir(parents=True, exist_ok=True)
        (group / "cgroup.procs").write_text(str(pid))
