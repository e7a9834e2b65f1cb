"""What one check has found, as a value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..look.facts import Unknown


class Verdict(str, Enum):
    """The value is what a person reads."""

    OK = "ok"
    WARNING = "warning"  # it works, and is seldom meant
    PROBLEM = "problem"  # somebody's server will not start, or can be taken
    UNKNOWN = "not known"  # nobody could look


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    :ivar name: of the row that it belongs to, one word: ``subnets``
    :ivar about: what was looked at: ``us-west-2``, ``profile Small``
    :ivar says: a sentence, or a few words where all is well
    :ivar why: why it matters
    :ivar fix: a command, or what to write where
    """

    name: str
    about: str
    verdict: Verdict
    says: str
    why: str = ""
    fix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "check": self.name,
            "about": self.about,
            "verdict": self.verdict.value,
            "says": self.says,
            "why": self.why,
            "fix": self.fix,
        }


def ok(name: str, about: str, says: str) -> Check:
    return Check(name, about, Verdict.OK, says)


def warning(name: str, about: str, says: str, why: str, fix: str) -> Check:
    return Check(name, about, Verdict.WARNING, says, why, fix)


def problem(name: str, about: str, says: str, why: str, fix: str) -> Check:
    return Check(name, about, Verdict.PROBLEM, says, why, fix)


def not_known(name: str, about: str, unknown: Unknown, fix: str = "") -> Check:
    return Check(name, about, Verdict.UNKNOWN, unknown.why, fix=fix)
