"""The service that stops idle servers, as ``setup()`` adds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CULLER = "ec2spawner-idle-culler"
# jupyterhub-idle-culler as it is started: by its command, as a module, or of before.
_COMMANDS = ("jupyterhub-idle-culler", "jupyterhub_idle_culler", "cull_idle_servers")
# With all of these it stops no server, and only looks after users.
_SPARES = {"--cull-default-servers=false", "--cull-named-servers=false"}


def has_culler(app: Any) -> bool:
    """Whether ``setup()`` has seen to it that idle servers are stopped."""
    return any(each.get("name") == CULLER for each in app.services)


def cullers_of_others(app: Any) -> list[str]:
    """The services, by name, that stop idle servers, too, and are not ours."""
    return [
        str(each.get("name"))
        for each in app.services
        if each.get("name") != CULLER
        and any(name in str(word) for name in _COMMANDS for word in _words(each))
        and not _SPARES <= {str(word).lower() for word in _words(each)}
    ]


def _words(service: Mapping[str, Any]) -> list[Any]:
    command = service.get("command", [])
    return command.split() if isinstance(command, str) else list(command)


def idle_timeout_of(app: Any) -> int:
    """Seconds that were given to ``setup()``; 0 without a culler."""
    for each in app.services:
        if each.get("name") == CULLER:
            return int(each.get("info", {}).get("idle_timeout", 0))
    return 0
