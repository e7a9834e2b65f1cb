"""What may be wrong with a listing that EC2 gives with HTTP 200."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ListingFault:
    """A DescribeInstances answer that looks right and is not.

    ``omit`` and ``by_id`` are also for DescribeVolumes and DescribeSnapshots, ``omit``
    for DescribeTags, too.

    Rows are those of a call that names no instance ids; with ``by_id`` also those of
    one that does, where an instance that is left out is unknown to EC2.
    """

    #: instances that are left out: ids, with wildcards; ("*",) for an empty answer
    omit: tuple[str, ...] = ()
    #: the world as it was so many seconds ago
    seconds_old: float = 0.0
    #: every row comes twice, on two pages when they are small
    repeat: bool = False
    #: rows, and so pages, come in another order
    reorder: bool = False
    #: calls that name instance ids are hit, too
    by_id: bool = False

    def omits(self, instance_id: str) -> bool:
        return any(fnmatch.fnmatchcase(instance_id, each) for each in self.omit)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ListingFault:
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown fields of a listing fault: {', '.join(unknown)}")
        return cls(**{**values, "omit": tuple(values.get("omit", ()))})
