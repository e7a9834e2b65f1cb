"""One statement of a policy, and how IAM reads it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Condition = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Statement:
    """One statement that allows something."""

    sid: str
    why: str
    actions: Sequence[str]
    resources: Sequence[str]
    condition: Condition = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As IAM reads it (IAM user guide, "Grammar of the IAM JSON policy")."""
        found: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": one(self.actions),
            "Resource": one(self.resources),
        }
        return found | ({"Condition": self.condition} if self.condition else {})


def one(values: Sequence[str]) -> Any:
    """As IAM's JSON has it: a value alone stands without a list."""
    return values[0] if len(values) == 1 else list(values)
