"""The tags of a machine that was ready, once it is somebody's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from ..core.tags import OWNER_TAG, READY_TAG, SERVER_TAG, given_text
from ..ec2.clients import Lane
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.machines import Machine
from ..ec2.resources import create_tags

# Between two tries, at the most.
_LONGEST_PAUSE = 60.0


def late_keys(admins: Iterable[str]) -> tuple[str, ...]:
    """Which tags come then.

    :param admins: the hub's own (the setting ``tags``)
    """
    return ("Name", SERVER_TAG, OWNER_TAG, READY_TAG, *admins)


def late_tags(
    launch_tags: Mapping[str, str], admins: Iterable[str], given_at: float
) -> dict[str, str]:
    """
    :param launch_tags: all that a machine has that is launched for the same server
    :param given_at: seconds since the epoch
    """
    tags = {**launch_tags, READY_TAG: given_text(given_at)}
    return {key: tags[key] for key in late_keys(admins)}


async def tag_as_given(
    lane: Lane,
    machine: Machine,
    tags: Mapping[str, str],
    wanted: Callable[[], bool],
    log: logging.Logger,
) -> None:
    """Say on EC2 whose it is: for people, and for costs.

    Repeated until EC2 takes it, or it is somebody's no more.
    """
    ids, pause = [machine.id, *filter(None, machine.volumes.values())], 1.0
    while wanted():
        try:
            await create_tags(lane, ids, tags)
            return
        except EC2Error as e:
            log.warning(
                "Machine %s was ready, and its tags do not say yet whose it is: %s",
                machine.id,
                admin_hint(e),
            )
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
