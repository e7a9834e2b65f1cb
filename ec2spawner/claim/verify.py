"""Who may have a launch's orders. Pure checks, one verdict."""

from __future__ import annotations

import hmac
import ipaddress
from enum import Enum

from ..core.ids import secret_hash
from ..core.state import Doomed, Launch, Phase, Wish
from .messages import Claim, Heartbeat, Report

# ip(7): only root can connect from below.
_FIRST_PORT_OF_ALL = 1024


class Verdict(Enum):
    """What becomes of a claim."""

    FIRST = "give it its orders, and mark the launch claimed"
    REPEAT = "the same machine asks again: the same orders"
    NOT_YET = "EC2 has not yet said which address the machine has"
    REFUSED = "nonce, address or age is wrong"
    TAKEN = "the orders were given to a machine already"


def judge_claim(
    launch: Launch, claim: Claim, source: str, now: float, claim_timeout: float
) -> Verdict:
    """Check a claim against what the database remembers of its launch.

    :param source: the address that the connection comes from, from the socket
    :param now: seconds since the epoch
    """
    right_nonce = _matches(claim.nonce, launch.nonce_hash)
    if not right_nonce or claim.launch_id != launch.id:
        return Verdict.REFUSED
    if launch.phase is Phase.REQUESTED or not launch.private_ip:
        return Verdict.NOT_YET
    if not same_address(source, launch.private_ip):
        return Verdict.REFUSED
    if launch.claimed_at:
        if not _matches(claim.machine_key, launch.machine_key_hash):
            return Verdict.TAKEN
        # Its answer was lost, or it has booted again.
        wanted = launch.phase is not Phase.OVER and launch.wish is Wish.SERVE
        return Verdict.REPEAT if wanted else Verdict.REFUSED
    waited_for = launch.phase is Phase.BOOTING and launch.wish is Wish.SERVE
    if not waited_for or now - launch.launched_at > claim_timeout:
        return Verdict.REFUSED
    # Of a machine that was ready the key is known before it is anybody's.
    if launch.machine_key_hash and not _matches(
        claim.machine_key, launch.machine_key_hash
    ):
        return Verdict.TAKEN
    return Verdict.FIRST


def is_roots(port: int) -> bool:
    """Whether a connection's port proves that a program of root's has made it."""
    return 0 < port < _FIRST_PORT_OF_ALL


def may_report(launch: Launch, report: Report | Heartbeat, source: str) -> bool:
    """Whether a report, or a question, comes from the machine that has the orders."""
    return (
        report.launch_id == launch.id
        and bool(launch.claimed_at)
        and _matches(report.machine_key, launch.machine_key_hash)
        and same_address(source, launch.private_ip)
    )


def was_its_machine(doomed: Doomed, heartbeat: Heartbeat) -> bool:
    """Whether a question comes from a machine that is to be ended."""
    return doomed.launch_id == heartbeat.launch_id and _matches(
        heartbeat.machine_key, doomed.machine_key_hash
    )


def same_address(one: str, other: str) -> bool:
    """Compare IP addresses; an IPv4 peer of a dual-stack socket counts as IPv4."""
    try:
        return _plain(one) == _plain(other)
    except ValueError:
        return False


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    parsed = ipaddress.ip_address(address)
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _matches(secret: str, digest: str) -> bool:
    return bool(digest) and hmac.compare_digest(secret_hash(secret), digest)
