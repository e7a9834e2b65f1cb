"""Every AWS rule that this package adds to moto: what AWS does, and who says so.

The table in ``docs/reference/local-ec2.md`` is made from it, and every row has a
test of its own (``tests/localec2``). ``python -m localec2.rules`` prints it.
"""

from __future__ import annotations

from . import launches, life, metadata, networks, requests, volumes
from .rule import Rule

__all__ = ["RULES", "Rule", "as_markdown"]

RULES: tuple[Rule, ...] = tuple(
    rule
    for subject in (launches, requests, life, volumes, networks, metadata)
    for rule in subject.RULES
)


def as_markdown() -> str:
    """The table for the docs."""
    lines = ["| Action | What AWS does | Source |", "|---|---|---|"]
    for rule in RULES:
        title = rule.source.split("://", 1)[1]
        title = title.rsplit("#", 1)[0].removesuffix(".html")
        title = title.split("/", 1)[1] if title.startswith("github") else title
        if title.startswith("docs."):
            title = title.rsplit("/", 1)[1]
        lines.append(f"| {rule.action} | {rule.aws_does} | [{title}]({rule.source}) |")
    return "\n".join(lines)
