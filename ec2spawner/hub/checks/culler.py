"""The service that stops idle servers, as ``setup()`` adds it."""

from __future__ import annotations

from typing import Any

CULLER = "ec2spawner-idle-culler"


def has_culler(app: Any) -> bool:
    """Whether ``setup()`` has seen to it that idle servers are stopped."""
    return any(each.get("name") == CULLER for each in app.services)


def idle_timeout_of(app: Any) -> int:
    """Seconds that were given to ``setup()``; 0 without a culler."""
    for each in app.services:
        if each.get("name") == CULLER:
            return int(each.get("info", {}).get("idle_timeout", 0))
    return 0
