"""A server in the memory of a machine that hibernates: remembered, and recognised."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict

from ..claim.messages import Claim, DataVolume, Orders
from ..core.events import Remembered
from ..core.ids import digest
from ..core.state import Launch
from .context import ServerContext
from .tokens import token_in_memory

# What JupyterHub itself needs in a server's environment. The rest, whose values may
# change with every start, reaches a server that hibernates when it starts anew.
_OF_THE_HUB = ("JUPYTERHUB_", "JPY_")
_TOKENS = {"JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN"}


def is_in_memory(launch: Launch, told: str) -> bool:
    """The machine has hibernated, and its server is as it would be told to be.

    Only who claims with the key of the same boot has been in memory.

    :param told: the ``digest_of`` what the server would be told now
    """
    woken = launch.woken
    if woken is None or woken.machine_key_hash != launch.machine_key_hash:
        return False
    return woken.digest == told


def remember(context: ServerContext, told: str) -> None:
    """Save what must be known of the server when its machine has hibernated."""
    context.apply(Remembered(token_in_memory(context.hub, context.launch, told)))


def digest_of(
    command: list[str],
    env: Mapping[str, str],
    account: str,
    home: str,
    data: list[DataVolume],
) -> str:
    """Of all that a server cannot be told anew while it runs."""
    of_hub = {
        name: value
        for name, value in env.items()
        if name.startswith(_OF_THE_HUB) and name not in _TOKENS
    }
    volumes = [asdict(volume) for volume in data]
    return digest(json.dumps([command, of_hub, account, home, volumes], sort_keys=True))


def may_repeat(made: asyncio.Future[Orders], claim: Claim) -> bool:
    """Whether orders that were made, or are being made, answer this claim, too."""
    if not made.done():
        return True
    if made.cancelled() or made.exception():
        return False
    return not (claim.booted and made.result().goes_on)
