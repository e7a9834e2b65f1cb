"""What a launch has shown, as rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ....claim.verify import is_roots, same_address
from ....ec2.machines import Machine
from ....ec2.network.security_groups import Interface
from ....hub.checks.variants import Variant
from ..look.facts import RegionFacts, Unknown
from ..look.wants import Wants
from ..rows.check import Check, Verdict, not_known, ok, problem
from ..rows.groups import command
from .desk import Claimed


@dataclass(frozen=True)
class Apart:
    """What a second machine has reached.

    :ivar id: its own; empty if there was none
    :ivar first: the port of servers on the first machine; None if not known
    :ivar hub: the Hub's own port
    :ivar why: nothing is known
    """

    id: str = ""
    first: bool | None = None
    hub: bool | None = None
    why: str = ""


@dataclass(frozen=True)
class Seen:
    """One launch, from its request to its claim, and what a second one has found.

    :ivar trouble: why there was no machine
    :ivar seconds: from the request to the claim
    :ivar reached: the port of servers could be reached from here; None if not tried
    :ivar console: the end of its console, when it has not claimed
    :ivar apart: None if there was no second machine
    """

    what: str
    machine: Machine | None = None
    trouble: str = ""
    claimed: Claimed | None = None
    seconds: float = 0.0
    reached: bool | None = None
    console: str = ""
    apart: Apart | None = None
    #: the machines that could not be ended
    left: str = ""


def judge(
    wants: Wants, region: RegionFacts, variant: Variant, seen: Seen
) -> Iterator[Check]:
    """What is told of it."""
    if seen.left:
        yield problem(
            "launch",
            seen.left,
            f"Machine {seen.left} could not be ended.",
            "It costs until somebody ends it. Its lease is over in an hour: the Hub's "
            "sweep ends it then.",
            f"aws ec2 terminate-instances --instance-ids {seen.left}",
        )
    if seen.machine is None:
        yield problem(
            "launch",
            seen.what,
            f"{seen.what} could not be launched: {seen.trouble}.",
            "No user can get it, either.",
            "See 'Troubleshooting' in the documentation",
        )
        return
    if seen.claimed is None:
        yield _silent(wants, seen, seen.machine)
        return
    found = list(_of_claim(wants, variant, seen, seen.machine, seen.claimed))
    if seen.apart:
        found += _of_second(wants, region, variant, seen.machine, seen.apart)
    if all(check.verdict is Verdict.UNKNOWN for check in found):
        took = f"claimed after {seen.seconds:.0f} s"
        yield ok("launch", "", f"{seen.what} {seen.machine.id} {took}, and is ended")
    if seen.apart and seen.apart.first is not None and not found:
        yield ok("apart", "", _apart(wants, seen.apart))
    yield from found


def _apart(wants: Wants, apart: Apart) -> str:
    if wants.is_local:
        return "not to be seen: machines are processes of this computer"
    return f"{apart.id} does not reach its port {wants.port}, and is ended"


def _of_second(
    wants: Wants, region: RegionFacts, variant: Variant, machine: Machine, apart: Apart
) -> Iterator[Check]:
    groups = list(variant.settings.security_groups)
    if apart.first is None:
        yield not_known(
            "apart",
            machine.id,
            Unknown(
                f"Whether machines reach port {wants.port} of each other was not "
                f"tried: {apart.why}."
            ),
        )
    elif apart.first and not wants.is_local:
        values = ",".join(groups) or "ID-OF-THE-DEFAULT-GROUP"
        yield problem(
            "apart",
            machine.id,
            f"Machine {apart.id} reaches port {wants.port} of {machine.id}: their "
            "security groups do not keep users' machines apart.",
            "A user's program can try what others' servers do not guard.",
            f"aws ec2 describe-security-group-rules --region {region.name} "
            f"--filters Name=group-id,Values={values}, and take out what admits more "
            "than the Hub's group",
        )
    if apart.hub is False:
        hub = region.hub
        fix = "See the row security-groups"
        if isinstance(hub, Interface) and hub.groups and groups:
            source = f"--source-group {groups[0]}"
            here = hub.groups[0], wants.hub_port
            fix = command("authorize", "ingress", region, *here, source)
        yield problem(
            "apart",
            apart.id,
            f"Machine {apart.id} claims, and does not reach port {wants.hub_port} of "
            f"the Hub ({wants.hub_host}).",
            "Servers ask the Hub there who a visitor is: nobody can log in to one.",
            fix,
        )


def _silent(wants: Wants, seen: Seen, machine: Machine) -> Check:
    if machine.gone:
        says = f"Machine {machine.id} ended before it came to the Hub: {machine.why}."
    else:
        says = f"Machine {machine.id} did not come to {wants.hub_url}."
    tail = seen.console or "nothing that EC2 shows"
    return problem(
        "launch",
        machine.id,
        f"{says} Its console ends with: {tail}",
        "Every start ends so. The image lacks cloud-init or Python, or nothing lets "
        "machines reach the Hub.",
        "ec2spawner image test NAME, and the rows security-groups and routes",
    )


def _of_claim(
    wants: Wants, variant: Variant, seen: Seen, machine: Machine, claimed: Claimed
) -> Iterator[Check]:
    if not same_address(claimed.address, machine.private_ip):
        yield problem(
            "launch",
            machine.id,
            f"{machine.id} is {machine.private_ip} for EC2, and came from "
            f"{claimed.address}.",
            "What stands between changes addresses, so the Hub refuses every claim.",
            "c.JupyterHub.hub_connect_ip = an address that machines reach without NAT",
        )
    if variant.settings.claims_as_root and not is_roots(claimed.port):
        yield problem(
            "launch",
            machine.id,
            f"{machine.id} came from port {claimed.port}, which is none of root's.",
            "What stands between changes ports, so the Hub refuses every claim.",
            "c.EC2Spawner.claims_as_root = False, if that is meant",
        )
    if seen.reached is False:
        yield problem(
            "launch",
            machine.id,
            f"Port {wants.port} of {machine.id} ({machine.private_ip}) cannot be "
            "reached from here.",
            "The Hub and its proxy cannot reach servers: every start ends with a "
            "timeout.",
            "See the row security-groups",
        )
    elif seen.reached is None:
        why = f"Whether port {wants.port} of machines can be reached was not tried."
        yield not_known("launch", machine.id, Unknown(why))
