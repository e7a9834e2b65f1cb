"""An EC2 on this computer: API, metadata service and machines.

It serves the EC2 wire protocol on a loopback address, so boto3 works unmodified
with only an endpoint URL. It is for the demo, the tests, and for trying a
configuration without an AWS account. See ``docs/reference/local-ec2.md``.
"""

from __future__ import annotations

from .client import LocalControl
from .process import LocalCloudProcess
from .processes.reaper import Keeper
from .requests.faults import Fault
from .requests.listing_faults import ListingFault
from .requests.wire import LATE_FAULTS, WIRE_FAULTS, Wire
from .settings import AWS_THROTTLE, LocalSettings

__all__ = [
    "AWS_THROTTLE",
    "Fault",
    "Keeper",
    "ListingFault",
    "LATE_FAULTS",
    "LocalCloudProcess",
    "LocalControl",
    "LocalSettings",
    "WIRE_FAULTS",
    "Wire",
]
