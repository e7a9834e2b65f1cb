"""What a listing shows when something is wrong with it: rows, their age, zones."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable
from typing import Any

from ...errors import AwsError, unknown_instances
from ...requests.listing_faults import ListingFault
from ..instance import LocalInstance


def rows(found: Iterable[Any], fault: ListingFault | None) -> list[Any]:
    """Reservations as an answer that names no ids has them."""
    shown = list(found)
    if fault is None:
        return shown
    if fault.omit:
        shown = _kept(shown, lambda i: None if fault.omits(i.id) else i)
    if fault.seconds_old:
        moment = time.monotonic() - fault.seconds_old
        shown = _kept(shown, lambda i: as_of(i, moment))
    if fault.reorder:
        shown.reverse()
    if fault.repeat:
        shown = [each for each in shown for _ in range(2)]
    return shown


def rows_by_id(found: Iterable[Any], fault: ListingFault | None) -> list[Any]:
    """The same of one that names them.

    :raises AwsError: when it names one that is left out
    """
    shown = list(found)
    if fault is None or not fault.by_id:
        return shown
    moment = time.monotonic() - fault.seconds_old
    missing = [
        instance.id
        for reservation in shown
        for instance in reservation.instances
        if fault.omits(instance.id) or as_of(instance, moment) is None
    ]
    if missing:
        raise unknown_instances(missing)
    return rows(shown, fault)


def check_zones(
    disrupted: Iterable[str], named: list[LocalInstance], names_ids: bool
) -> None:
    """Fail as EC2 does in the disruption of a zone.

    :param named: the instances that the call names
    :raises AwsError: when it names one of such a zone, or none at all
    """
    zones = set(disrupted)
    if not zones:
        return
    if not names_ids or any(i.availability_zone in zones for i in named):
        raise AwsError("InternalError", "An internal error has occurred", 500)


def as_of(instance: LocalInstance, moment: float) -> LocalInstance | None:
    """An instance with the state that it had then; None if it was not there yet."""
    if instance.born > moment:
        return None
    old = copy.copy(instance)
    for state in reversed(instance.history):
        if state.at <= moment:
            old._state, old.state_reason, old._reason = state.shown
            old.launch_time = state.launch_time
            break
    return old


def _kept(reservations: list[Any], look: Any) -> list[Any]:
    """Copies of reservations with what ``look`` makes of each instance, or without."""
    kept = []
    for reservation in reservations:
        instances = [seen for i in reservation.instances if (seen := look(i))]
        if instances:
            reservation = copy.copy(reservation)
            reservation.instances = instances
            kept.append(reservation)
    return kept
