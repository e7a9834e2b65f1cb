"""Listings of volumes and snapshots that lack what is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ...errors import AwsError
from ...requests.faults import Fault

#: what moto's backend calls them -> EC2's code for one that is not there
_UNKNOWN = {
    "describe_volumes": "InvalidVolume.NotFound",
    "describe_snapshots": "InvalidSnapshot.NotFound",
}


class Region(Protocol):
    backend: Any

    @property
    def scripted(self) -> Fault: ...


def leave_out(region: Region) -> None:
    """Let both lack what the present call's fault omits."""
    for name, code in _UNKNOWN.items():
        setattr(
            region.backend, name, _lacking(getattr(region.backend, name), code, region)
        )


def _lacking(describe: Callable[..., Any], code: str, region: Region) -> Any:
    def described(ids: Any = None, filters: Any = None, **named: Any) -> list[Any]:
        ids = ids or next(iter(named.values()), None)
        found: list[Any] = describe(ids, filters)
        fault = region.scripted.listing
        if fault is None or ids and not fault.by_id:
            return found
        shown = [each for each in found if not fault.omits(each.id)]
        if ids and len(shown) < len(found):
            raise AwsError(code, f"{', '.join(ids)} does not exist.")
        return shown

    return described
