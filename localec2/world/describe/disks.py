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


class Cloud(Protocol):
    backend: Any
    scripted: Fault


def leave_out(cloud: Cloud) -> None:
    """Let both lack what the present call's fault omits."""
    for name, code in _UNKNOWN.items():
        setattr(
            cloud.backend, name, _lacking(getattr(cloud.backend, name), code, cloud)
        )


def _lacking(describe: Callable[..., Any], code: str, cloud: Cloud) -> Any:
    def described(ids: Any = None, filters: Any = None, **named: Any) -> list[Any]:
        ids = ids or next(iter(named.values()), None)
        found: list[Any] = describe(ids, filters)
        fault = cloud.scripted.listing
        if fault is None or ids and not fault.by_id:
            return found
        shown = [each for each in found if not fault.omits(each.id)]
        if ids and len(shown) < len(found):
            raise AwsError(code, f"{', '.join(ids)} does not exist.")
        return shown

    return described
