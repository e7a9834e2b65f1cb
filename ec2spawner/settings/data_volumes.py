"""Settings of data volumes: what many users read, and nobody writes."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from traitlets import Dict, HasTraits, List, TraitError, Unicode, validate

_SNAPSHOT = re.compile(r"snap-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_KEYS = {"snapshot_id", "mount_path"}
# EC2 user guide, "Device names for volumes": /dev/sd[f-p] are recommended for data
# volumes, and the home has the first of them.
MOST_VOLUMES = 10
# Mounted over, these would leave no machine that works.
_SYSTEM = {
    "/",
    *("/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc"),
    *("/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib"),
}
_OF_THE_KERNEL = ("/dev/", "/proc/", "/run/", "/sys/", "/var/lib/ec2spawner/")


class DataSettings(HasTraits):
    """Volumes that a machine has beside its own disk and the home."""

    data_volumes = List(
        Dict(key_trait=Unicode(), value_trait=Unicode()),
        config=True,
        help="""
        Read-only volumes for every machine, each made of a snapshot when the machine
        is launched, for example
        ``[{"snapshot_id": "snap-0123456789abcdef0", "mount_path": "/data/dem"}]``.

        The snapshots must be in :attr:`region`, in whichever zone machines run. A
        volume is mounted before the server starts, and ends with its machine: what is
        in a snapshot never changes. At most 10. Profiles may have their own, in place
        of these.

        .. versionadded:: 0.1
        """,
    )

    @validate("data_volumes")
    def _check_data_volumes(self, proposal: Any) -> list[dict[str, str]]:
        volumes: list[dict[str, str]] = proposal["value"]
        if len(volumes) > MOST_VOLUMES:
            raise TraitError(
                f"data_volumes has {len(volumes)} volumes, and a machine takes "
                f"{MOST_VOLUMES} at most"
            )
        paths: list[str] = []
        for volume in volumes:
            if set(volume) != _KEYS:
                raise TraitError(
                    f"data_volumes has {volume!r}: each has a snapshot_id and a "
                    "mount_path, and nothing else"
                )
            if not _SNAPSHOT.fullmatch(volume["snapshot_id"]):
                raise TraitError(
                    f"data_volumes has the snapshot {volume['snapshot_id']!r}: write "
                    "its id, such as 'snap-0123456789abcdef0'"
                )
            path = volume["mount_path"]
            _check_path(path)
            for other in paths:
                if _within(path, other) or _within(other, path):
                    raise TraitError(
                        f"data_volumes has {other!r} and {path!r}: one would hide the "
                        "other, so mount each in a place of its own"
                    )
            paths.append(path)
        return volumes


def _check_path(path: str) -> None:
    if not path.startswith("/") or posixpath.normpath(path) != path:
        raise TraitError(
            f"data_volumes has the mount path {path!r}: write it in full and as short "
            "as it can be, such as '/data/dem'"
        )
    if not path.isprintable():
        raise TraitError(
            f"data_volumes has the mount path {path!r}, with characters that cannot "
            "be read"
        )
    if path in _SYSTEM or path.startswith(_OF_THE_KERNEL) or path.startswith("//"):
        raise TraitError(
            f"data_volumes has the mount path {path!r}, which belongs to the machine: "
            "write another, such as '/data/dem'"
        )


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
