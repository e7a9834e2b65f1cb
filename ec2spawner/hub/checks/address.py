"""The Hub's own address, as machines are told it: whether they find the Hub there."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

WHY = "Machines are told to claim their orders there, and no server starts if they "
WHY += "cannot."


@dataclass(frozen=True)
class Trouble:
    """What is wrong with it, and why that matters.

    :ivar certain: no machine finds the Hub; else there are networks where it does
    """

    says: str
    why: str = WHY
    certain: bool = False


def troubles(
    hub_url: str, address: str, is_here: bool | None, nowhere: Sequence[str]
) -> Iterator[Trouble]:
    """Pure.

    :param address: the IPv4 address in it, or of the name in it; empty if unknown
    :param is_here: whether this computer has it; None if nobody has looked
    :param nowhere: the hub's regions, if no network interface of theirs has it
    """
    if not address:
        host = urlsplit(hub_url).hostname or ""
        yield Trouble(f"{host} is no name that can be found from here.", certain=True)
        return
    if is_here is False:
        yield Trouble(
            f"This computer does not have the address {address}.",
            f"{WHY} Is this the Hub's computer?",
        )
    if ipaddress.ip_address(address).is_global:
        yield Trouble(
            f"{address} is a public address.",
            "A machine that comes by way of the internet has another address than EC2 "
            "knows of it, and its claim is refused.",
            certain=True,
        )
    elif nowhere:
        yield Trouble(
            f"No network interface in {' or '.join(nowhere)} has the address "
            f"{address}.",
            f"{WHY} It can be the address of a container, which no machine reaches, or "
            "of a computer outside AWS.",
        )


def address_of(host: str) -> str:
    """The IPv4 address of a name, as this computer finds it; empty for none."""
    try:
        return str(socket.getaddrinfo(host, None, socket.AF_INET)[0][4][0])
    except OSError:
        return ""


def is_here(address: str) -> bool:
    """Whether this computer has an address: nobody can bind to another's."""
    with socket.socket() as trial:
        try:
            trial.bind((address, 0))
        except OSError as e:
            return e.errno != errno.EADDRNOTAVAIL
    return True
