"""A plan for people, and for programs. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ...images.plan import Plan


def as_text(plan: Plan) -> str:
    """What is built, and why it is so."""
    at = f" @ {plan.source.commit[:12]}" if plan.source.commit else ""
    lines = [
        f"Image {plan.name} from {plan.source.url}{at}",
        f"Files: {', '.join(plan.recipe.used)}",
        *(f"Note: {note}" for note in plan.recipe.notes),
        f"Python {plan.choice.python}: {plan.choice.why}",
        *(f"  {offer}" for offer in plan.choice.offers),
    ]
    if plan.as_of:
        lines.append(
            f"What is not pinned is of the time before {plan.as_of} (--as-of no for "
            "any time)"
        )
    if plan.solved_at:
        lines.append(
            f"The lock is of {_day(plan.solved_at)}, when the same was asked for on "
            "this computer (--refresh for one of today)"
        )
    if plan.builds:
        lines.append(f"Built on the machine: {', '.join(plan.builds)}")
    if plan.contents.baked:
        size = f", {len(plan.packed)} bytes packed" if plan.packed else ""
        lines.append(f"The repository's files are in the image{size}")
    if plan.recipe.apt:
        lines.append(f"System packages: {', '.join(plan.recipe.apt)}")
    lines.append(f"{len(plan.lock.lines)} packages: {' '.join(plan.lock.lines)}")
    lines.append(f"Begins with {plan.base.id}; key {plan.contents.key[:12]}")
    return "\n".join(lines)


def as_dict(plan: Plan) -> dict[str, Any]:
    """The same as data."""
    return {
        "name": plan.name,
        "source": plan.source.url,
        "commit": plan.source.commit,
        "used": list(plan.recipe.used),
        "notes": list(plan.recipe.notes),
        "python": plan.choice.python,
        "why_python": plan.choice.why,
        "as_of": plan.as_of,
        "locked": _day(plan.solved_at) if plan.solved_at else "",
        "lock": list(plan.lock.lines),
        "builds": list(plan.builds),
        "apt": list(plan.recipe.apt),
        "baked": plan.contents.baked,
        "base": plan.base.id,
        "key": plan.contents.key,
    }


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).date().isoformat()
