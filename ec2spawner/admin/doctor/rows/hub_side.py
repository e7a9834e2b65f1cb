"""What is the Hub's own: its configuration, its address, its database."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ....ec2.network.security_groups import Interface
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
    if not wants.hub_address:
        yield problem(
            name,
            url,
            f"{wants.hub_host} is no name that can be found from here.",
            _WHY,
            _SET,
        )
        return
    found = list(_of_address(wants, facts))
    yield from found or [ok(name, "", f"{url}{_whose(wants, facts)}")]


_WHY = "Machines are told to claim their orders there, and no server starts if they "
_WHY += "cannot."
_SET = "c.JupyterHub.hub_connect_ip = the Hub's private address: ip -4 address"


def _of_address(wants: Wants, facts: Facts) -> Iterator[Check]:
    name, address = "hub-address", wants.hub_address
    if facts.hub_is_here is False:
        yield warning(
            name,
            address,
            f"This computer does not have the address {address}.",
            f"{_WHY} Is this the Hub's computer?",
            _SET,
        )
    if ipaddress.ip_address(address).is_global:
        yield problem(
            name,
            address,
            f"{address} is a public address.",
            "A machine that comes by way of the internet has another address than EC2 "
            "knows of it, and its claim is refused.",
            _SET,
        )
        return
    hubs = [region.hub for region in facts.regions.values()]
    if all(hub is None for hub in hubs):
        yield warning(
            name,
            address,
            f"No network interface in {' or '.join(facts.regions)} has the address "
            f"{address}.",
            f"{_WHY} It can be the address of a container, which no machine reaches, "
            "or of a computer outside AWS.",
            _SET,
        )


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
