"""Scripted faults: what goes wrong, for which calls, how often."""

from __future__ import annotations

import dataclasses
import fnmatch
import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .listing_faults import ListingFault
from .wire import Wire


@dataclass(frozen=True)
class Fault:
    """One scripted fault.

    Several kinds may be given at once; they happen in the order of the fields.
    """

    #: action name, with wildcards: "RunInstances", "Describe*", "*" for an outage
    action: str = "*"
    #: seconds to wait before anything is done with the request
    delay: float = 0.0
    #: cut the connection before the work: the client has no answer, nothing is done
    lose_request: bool = False
    #: (code, HTTP status) or (code, HTTP status, message): nothing is done
    error: tuple[str, int] | tuple[str, int, str] | None = None
    #: (code, message): the launch or start is accepted, then dies while ``pending``
    #: with this StateReason, e.g. ("Server.InsufficientInstanceCapacity", "..."); a
    #: volume or snapshot is made and turns out to be in error, with no reason
    state_reason: tuple[str, str] | None = None
    #: seconds to hold the answer back after the work is done
    delay_answer: float = 0.0
    #: cut the connection after the work is done: the answer is lost
    lose_answer: bool = False
    #: what is wrong with the rows of a DescribeInstances answer
    listing: ListingFault | None = None
    #: how many calls it hits; None for every one until it is cleared
    times: int | None = None
    #: hits only calls with these parameters, as in the request's form body
    #: ("InstanceType", "SubnetId", "InstanceId.1"); wildcards in the values
    match: Mapping[str, str] = field(default_factory=dict)
    #: only calls to this service ("ec2", "ssm", ...)
    service: str = "*"
    #: only calls to this Region, with wildcards
    region: str = "*"
    #: what lies between EC2 and its client, and changes what arrives
    wire: Wire | None = None

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1, or None for every call")

    def matches(
        self, service: str, action: str, params: Mapping[str, str], region: str
    ) -> bool:
        return (
            fnmatch.fnmatchcase(region, self.region)
            and fnmatch.fnmatchcase(action, self.action)
            and fnmatch.fnmatchcase(service, self.service)
            and all(
                name in params and fnmatch.fnmatchcase(params[name], wanted)
                for name, wanted in self.match.items()
            )
        )

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(dataclasses.replace(self, match=dict(self.match)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Fault:
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown fields of a fault: {', '.join(unknown)}")
        data = dict(values)
        if data.get("error") is not None:
            data["error"] = tuple(data["error"])
        if data.get("state_reason") is not None:
            data["state_reason"] = tuple(data["state_reason"])
        if data.get("listing") is not None:
            data["listing"] = ListingFault.from_dict(data["listing"])
        if data.get("wire") is not None:
            data["wire"] = Wire.from_dict(data["wire"])
        return cls(**data)


class FaultBook:
    """The faults in force. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._faults: dict[int, tuple[Fault, int | None]] = {}

    def add(self, fault: Fault) -> int:
        with self._lock:
            fault_id = next(self._ids)
            self._faults[fault_id] = (fault, fault.times)
            return fault_id

    def clear(self, fault_id: int | None = None) -> None:
        with self._lock:
            if fault_id is None:
                self._faults.clear()
            else:
                self._faults.pop(fault_id, None)

    def take(
        self, service: str, action: str, params: Mapping[str, str], region: str = ""
    ) -> Fault:
        """The oldest fault that hits this call, used up once; else a harmless one."""
        with self._lock:
            for fault_id, (fault, left) in self._faults.items():
                if not fault.matches(service, action, params, region):
                    continue
                if left is not None:
                    if left <= 1:
                        del self._faults[fault_id]
                    else:
                        self._faults[fault_id] = (fault, left - 1)
                return fault
        return Fault()

    def listing(self) -> list[dict[str, Any]]:
        with self._lock:
            return [
                {"id": fault_id, "left": left, **fault.as_dict()}
                for fault_id, (fault, left) in self._faults.items()
            ]
