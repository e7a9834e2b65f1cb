"""What a new admin decides, and what cannot be an answer. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

# A name in a region, a stack (CloudFormation API, CreateStack: StackName) and a tag.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
# As Debian's useradd takes them, useradd(8).
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_TYPE = re.compile(r"([a-z][a-z0-9-]*)\.[a-z0-9-]+")
# EC2 instance types guide, "Naming conventions": g after the generation is Graviton.
_ARM = re.compile(r"a1|[a-z]+\d+g[a-z]*")
# EBS user guide, "EBS volume types": what gp3 can have.
_LARGEST_HOME = 65_536
# With less, people who read or think are stopped: hub/checks/warnings.
_LEAST_IDLE = 10
_SIZES = ("Small", "Medium", "Large", "Very large")


@dataclass(frozen=True)
class Answers:
    """A hub, as its admin wants it."""

    region: str
    #: who owns the machines: hub id and stack
    name: str
    #: where people reach it; empty for a tunnel
    domain: str
    #: login names, the admin's first
    users: tuple[str, ...]
    #: instance types, the smallest first
    types: tuple[str, ...]
    #: US dollars a month; 0 for none
    budget: float
    #: GiB
    home_size: int
    #: minutes without activity; 0 for never
    idle_minutes: int

    @property
    def sizes(self) -> dict[str, str] | list[str]:
        """The setting ``sizes``: with names where there are few."""
        if len(self.types) > len(_SIZES):
            return list(self.types)
        return dict(zip(_SIZES, self.types))


def region(text: str, exists: Callable[[str], object]) -> str:
    """
    :param exists: raises ValueError for what AWS has not
    :raises ValueError: with a sentence, as do all below
    """
    try:
        exists(text)
    except ValueError as e:
        raise ValueError(f"{e}: give one such as us-west-2") from None
    return text


def name_and_domain(text: str) -> tuple[str, str]:
    """A name, or a domain, whose dots become hyphens for the name."""
    low = text.lower()
    name = low.replace(".", "-")
    if "." in low and not _DOMAIN.fullmatch(low):
        raise ValueError(f"{text!r} is no domain name: one is hub.example.org")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{text!r} is no name for a hub: it begins with a letter, and has letters, "
            "digits and hyphens, 63 at most. Or give its domain name"
        )
    return name, low if "." in low else ""


def users(text: str) -> tuple[str, ...]:
    """Login names."""
    found = _words(text)
    if not found:
        raise ValueError(
            "nobody could log in: give one name or more, the admin's first"
        )
    for each in found:
        if not _USER.fullmatch(each):
            raise ValueError(
                f"{each!r} cannot be a login name: it has lower-case letters, digits, "
                "hyphens and underscores, and begins with a letter"
            )
        if each in ("root", "nobody"):
            raise ValueError(f"{each!r} is an account of the system: give another")
    return found


def types(text: str) -> tuple[str, ...]:
    """Instance types, for the images that ``ec2spawner image build`` makes."""
    found = _words(text)
    if not found:
        raise ValueError("users could choose nothing: give an instance type or more")
    for each in found:
        match = _TYPE.fullmatch(each)
        if match is None:
            raise ValueError(f"{each!r} is no instance type: one is t3.medium")
        if _ARM.fullmatch(match[1]):
            raise ValueError(
                f"{each} has an ARM processor, and the images that a hub begins with "
                "are for x86: give another"
            )
    return found


def budget(text: str) -> float:
    """US dollars."""
    try:
        found = float(text.strip().removeprefix("$"))
    except ValueError:
        found = -1.0
    if not (math.isfinite(found) and found >= 0):
        raise ValueError(f"{text!r} are no dollars: give a number, or 0 for no budget")
    return found


def home_size(text: str) -> int:
    """GiB."""
    return _whole(text, "GiB", 1, _LARGEST_HOME)


def idle_minutes(text: str) -> int:
    """Minutes; 0 for never."""
    if text.strip() == "0":
        return 0
    return _whole(text, "minutes", _LEAST_IDLE, 7 * 24 * 60)


def _whole(text: str, unit: str, least: int, most: int) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and least <= int(word) <= most):
        raise ValueError(
            f"{text!r} is no number of {unit} from {least} to {most}: give one"
        )
    return int(word)


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, re.split(r"[\s,]+", text))))
