"""``--break``: let calls of EC2 fail, to see what users and admins then see."""

from __future__ import annotations

import re
from dataclasses import dataclass

from localec2 import Fault, LocalControl

from .demo import DemoError

_BREAKAGE = re.compile(
    r"(?P<action>[A-Z][A-Za-z]+\*?)(@(?P<zone>[a-z0-9-]+))?=(?P<code>[A-Z][A-Za-z.]+)"
)
# AWS says so by these; whatever else is wrong is the caller's fault.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_HTTP_STATUS = {
    "InsufficientInstanceCapacity": 500,
    "InternalError": 500,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "Unavailable": 503,
    "UnauthorizedOperation": 403,
}


@dataclass(frozen=True)
class Breakage:
    """An action of EC2, and the error code that every call of it is answered with.

    :ivar zone: only launches into this zone; empty for all calls
    """

    action: str
    code: str
    zone: str = ""

    @classmethod
    def read(cls, text: str) -> Breakage:
        """
        :raises ValueError: when it is not ``ACTION=CODE`` or ``ACTION@ZONE=CODE``
        """
        found = _BREAKAGE.fullmatch(text)
        if found is None:
            raise ValueError(
                f"--break {text}: write the action and the error code, for example "
                "RunInstances=InsufficientInstanceCapacity"
            )
        return cls(found["action"], found["code"], found["zone"] or "")


def break_ec2(control: LocalControl, breakages: list[Breakage]) -> None:
    """Put the faults in force.

    :raises DemoError: for a zone that there is not
    """
    subnets = control.resources().subnet_ids
    for each in breakages:
        match = {}
        if each.zone:
            if each.zone not in subnets:
                raise DemoError(
                    f"there is no zone {each.zone}; there are {', '.join(subnets)}"
                )
            match = {"NetworkInterface.1.SubnetId": subnets[each.zone]}
        status = _HTTP_STATUS.get(each.code, 400)
        message = f"{each.action} fails because the demo was told so."
        control.add_fault(
            Fault(each.action, error=(each.code, status, message), match=match)
        )
