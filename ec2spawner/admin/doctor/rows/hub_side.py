"""What is the Hub's own: its configuration, its address, its database."""

from __future__ import annotations

from collections.abc import Iterator

from ....ec2.network.security_groups import Interface
from ....hub.checks.address import troubles
from ..look.facts import Facts, Unknown
from ..look.wants import Wants
from .check import Check, Verdict, not_known, ok, problem, warning


def configuration(wants: Wants, facts: Facts) -> Iterator[Check]:
    """What the Hub itself tells when it starts."""
    why = "The Hub does not start with it."
    for text in facts.problems:
        yield Check("configuration", "", Verdict.PROBLEM, text, why)
    for text in facts.warnings:
        yield Check("configuration", "", Verdict.WARNING, text)
    for name in wants.unknown:
        why = f"What {name} will be, only the start of a server tells."
        yield not_known("configuration", name, Unknown(why))
    if not (facts.problems or facts.warnings):
        count = len(wants.variants)
        what = "one server" if count == 1 else f"{count} servers"
        yield ok("configuration", "", f"{what} to choose from")


def hub_address(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Where machines look for the Hub: they claim their orders there."""
    name, url = "hub-address", wants.hub_url
    if wants.is_local:
        yield ok(name, "", f"{url}, for machines on this computer")
        return
    hubs = [region.hub for region in facts.regions.values()]
    found = troubles(
        url,
        wants.hub_address,
        facts.hub_is_here,
        tuple(facts.regions) if all(hub is None for hub in hubs) else (),
    )
    checks = [
        (problem if each.certain else warning)(
            name, wants.hub_address or url, each.says, each.why, _SET
        )
        for each in found
    ]
    yield from checks or [ok(name, "", f"{url}{_whose(wants, facts)}")]


_SET = "c.JupyterHub.hub_connect_ip = the Hub's private address: ip -4 address"


def _whose(wants: Wants, facts: Facts) -> str:
    for region in facts.regions.values():
        if isinstance(region.hub, Interface):
            return f", in {region.hub.vpc}"
    return ""


def database(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Which machine is whose, only the database knows."""
    records = facts.records
    if not isinstance(records, Unknown):
        count = len(records.servers)
        yield ok("database", "", f"{count} server{'' if count == 1 else 's'} in it")
    elif records.why.startswith("there is no "):
        yield ok("database", "", "none yet: the Hub makes it when it starts")
    else:
        yield problem(
            "database",
            "",
            f"The Hub's database cannot be read: {records.why}.",
            "The Hub does not start without it.",
            "Run this as the Hub's user, with --hub-folder",
        )
