"""Whether the machine that claims is the one that EC2 has made for a launch."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from ..claim.identity import Expected, NotItsDocument, can_check, check, published
from ..core.state import Launch
from ..ec2.machines import Machine
from ..settings import LaunchSettings

# By which of AWS's names an endpoint is AWS's own (AWS General Reference, "Service
# endpoints"; the suffix of each partition).
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")


def certificate_of(settings: LaunchSettings, region: str) -> str:
    """What a region's identity documents are checked with, PEM; empty when nobody
    knows."""
    if given := settings.identity_certificates.get(region):
        return str(given)
    host = urlsplit(settings.endpoint_url).hostname or ""
    if settings.endpoint_url and not host.endswith(_AWS):
        return ""  # of somebody else's EC2, whose key AWS's is not
    return published().get(region, "")


def is_checked(settings: LaunchSettings, region: str) -> bool:
    """Whether a machine in a region has to show its identity document."""
    if settings.claim_identity == "auto":
        return can_check() and bool(certificate_of(settings, region))
    return bool(settings.claim_identity == "required")


def why_not_its(
    settings: LaunchSettings, launch: Launch, machine: Machine | None, signed: str
) -> str:
    """Why a claim's identity document does not show that it comes from a launch's
    machine; empty when it does, or need not.

    :param machine: as EC2 shows it now; None when it does not
    :param signed: of the claim
    """
    region = launch.region or settings.region
    if not is_checked(settings, region):
        return ""
    certificate = certificate_of(settings, region)
    if not (can_check() and certificate):
        return f"nothing is here to check identity documents of {region} with"
    since, image_id, account = launch.launched_at, launch.image_id, ""
    if machine is not None:
        since = max(since, machine.launched_at)  # also of a start behind our back
        image_id, account = machine.image_id or image_id, machine.account
    expected = Expected(region, launch.instance_id, account, image_id, since)
    try:
        check(signed, certificate, expected, time.time())
    except NotItsDocument as e:
        return str(e)
    return ""
