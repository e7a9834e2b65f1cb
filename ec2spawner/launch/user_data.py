"""The user-data of a launch or a waking: settings, and what its server's Hub knows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..claim.user_data import user_data
from ..core.ids import digest
from ..settings import LaunchSettings

#: the programs that a machine can import ahead (``claim/agent/preloader.py``)
_PROGRAMS = ("jupyterhub-singleuser", "jupyter-labhub")


def user_data_of(
    settings: LaunchSettings,
    cmd: Sequence[str],
    hub_api_url: str,
    launch_id: str,
    nonce: str,
    hub_ca: str = "",
) -> bytes:
    """What the machine is given.

    :param cmd: what starts the server
    :param hub_ca: PEM of the Hub's authority; empty where it has none
    :raises EC2SpawnError: when it would be larger than EC2 takes
    """
    timeout, preload = settings.claim_timeout, preloaded(settings, cmd)
    return user_data(launch_id, nonce, hub_api_url, timeout, hub_ca, preload)


def told_at_launch(
    settings: LaunchSettings, cmd: Sequence[str], hub_api_url: str, hub_ca: str = ""
) -> str:
    """A digest of all that user-data says but whose it is: machines that were told the
    same can stand in for one another."""
    preload = json.dumps(preloaded(settings, cmd), sort_keys=True)
    return digest(hub_api_url, str(settings.claim_timeout), hub_ca, preload)


def preloaded(settings: LaunchSettings, cmd: Sequence[str]) -> dict[str, Any] | None:
    """The server that is going to be started, as far as user-data may say it: nothing
    secret, and not whose it is. None where it could be another by then."""
    program = cmd[0] if cmd else ""
    if program.rpartition("/")[2] not in _PROGRAMS:
        return None
    if settings.setup_script or not settings.preload_server:
        return None
    return {
        "account": settings.user_account,
        "uid": settings.user_uid,
        "program": program,
        "path": list(settings.server_path),
    }
