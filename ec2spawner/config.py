"""``setup(c)``: the lines of ``jupyterhub_config.py`` that every hub of ours needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .hub.checks.culler import CULLER

# AWS makes two machines a second (docs/explanation/life-of-a-server.md), so the last
# of so many waits four minutes in line, and has time to boot within start_timeout.
_SPAWNS_AT_ONCE = 500
_HUB = Path(__file__).parent / "hub"
_TEMPLATES = str(_HUB / "pages" / "templates")

# What jupyterhub-idle-culler 2 asks for in its README, "Permissions", and what a
# launch remembers of its idle time: no secret is in a state.
_CULLER_SCOPES = [
    "admin:server_state",
    "list:users",
    "read:users:activity",
    "read:servers",
    "delete:servers",
]


def setup(
    c: Any,
    *,
    idle_timeout: int = 3600,
    cull_every: int = 0,
    max_age: int = 0,
    culler: str = "machine",
) -> None:
    """Use EC2Spawner, and stop servers that nobody uses.

    Call it in ``jupyterhub_config.py``, after services and roles of your own, and
    after ``c.JupyterHub.internal_ssl``::

        import ec2spawner

        ec2spawner.setup(c, idle_timeout=3600)

    It adds to ``c.JupyterHub.template_paths`` and overwrites nothing but the spawner
    class. Where you have not set them, ``c.EC2Spawner.idle_timeout`` and ``max_age``
    are as given, ``c.JupyterHub.cleanup_servers`` is False, so that a Hub which is
    stopped for an update ends nobody's machine, and
    ``c.JupyterHub.concurrent_spawn_limit`` is 500.

    :param c: the configuration object of ``jupyterhub_config.py``
    :param idle_timeout: seconds after which a server is stopped that nobody uses and
        on which nothing runs; 0 for never
    :param cull_every: seconds between two checks of the service; 0 for half of
        ``idle_timeout``, five minutes at most
    :param max_age: seconds after which a server is stopped even when it is busy;
        0 for never
    :param culler: ``"machine"``: each machine sees whether it is used, and the Hub
        decides. ``"service"``: jupyterhub-idle-culler, added to
        ``c.JupyterHub.services`` and ``load_roles``, decides by what JupyterHub is
        told of activity
    :raises ValueError: for a negative number of seconds, or another culler
    """
    for name, value in (
        ("idle_timeout", idle_timeout),
        ("cull_every", cull_every),
        ("max_age", max_age),
    ):
        if value < 0:
            raise ValueError(f"{name} is {value}: seconds cannot be negative")
    if culler not in ("machine", "service"):
        raise ValueError(f'culler is {culler!r}: it is "machine" or "service"')
    c.JupyterHub.spawner_class = "ec2"
    _set_unless_set(c.JupyterHub, "cleanup_servers", False)
    _set_unless_set(c.JupyterHub, "concurrent_spawn_limit", _SPAWNS_AT_ONCE)
    _add_templates(c.JupyterHub)
    if culler == "machine":
        _set_unless_set(c.EC2Spawner, "idle_timeout", idle_timeout)
        _set_unless_set(c.EC2Spawner, "max_age", max_age)
    elif idle_timeout:
        _add_service(c.JupyterHub, idle_timeout, cull_every, max_age)


def _set_unless_set(section: Any, name: str, value: Any) -> None:
    if name not in section:
        setattr(section, name, value)


def _add_service(hub: Any, idle_timeout: int, cull_every: int, max_age: int) -> None:
    cull_every = cull_every or max(1, min(idle_timeout // 2, 300))
    command = [
        sys.executable,
        "-m",
        "jupyterhub_idle_culler",
        f"--timeout={idle_timeout}",
        f"--cull-every={cull_every}",
        f"--config={_HUB / 'idle_culler_config.py'}",
    ]
    if max_age:
        command.append(f"--max-age={max_age}")
    if hub.get("internal_ssl"):
        folder = hub.get("internal_certs_location", "internal-ssl")
        command += ["--ssl-enabled", f"--internal-certs-location={folder}"]
    # For whoever shows when servers stop: our pages, and the Hub's API.
    info = {"idle_timeout": idle_timeout, "max_age": max_age}
    hub.services.append({"name": CULLER, "command": command, "info": info})
    hub.load_roles.append(
        {"name": CULLER, "scopes": _CULLER_SCOPES, "services": [CULLER]}
    )


def _add_templates(hub: Any) -> None:
    """Pages of ours go before JupyterHub's own, and behind an admin's."""
    paths = hub.template_paths
    if isinstance(paths, list):
        paths.append(_TEMPLATES)
    else:  # not set: JupyterHub's own will be the only ones
        paths.prepend([_TEMPLATES])
