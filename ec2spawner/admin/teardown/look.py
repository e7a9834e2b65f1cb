"""Looks at all regions of a hub, and whether a Hub with its id is alive."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from ...ec2.clients import Clients
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.images import shelved_images
from ...ec2.machines import Machine
from ...ec2.snapshots import snapshots_of_hub
from ...fleet.sweep_policy import is_anothers
from ..collect import Region as Seen
from ..collect import survey
from ..hub_config import Hub, hub_url
from ..ledger import load
from .owned import Region

# The Hub notes until when it has seen its machines, and looks for news between two
# notes (hub/costs/ledger.py).
_ALIVE_SECONDS = 420.0
_ANSWER_SECONDS = 3.0


@dataclass(frozen=True)
class Look:
    """What every region has: those of the configuration and of the database.

    :ivar others: machines that another database than the Hub's has asked for, and
        whose leases are not over: see hub/database/name.py
    """

    regions: tuple[Region, ...]
    others: tuple[Machine, ...] = ()


async def look(hub: Hub) -> Look:
    """Ask everything once. What fails is in the answer."""
    seen = await survey(hub)
    regions = [await _more(hub, region) for region in seen.regions]
    if seen.records is None:
        return Look(tuple(regions))
    wanted, now = seen.records.wanted, time.time()
    others = [
        machine
        for region in regions
        for machine in region.machines
        if is_anothers(machine, wanted, hub.lease, now)
    ]
    return Look(tuple(regions), tuple(others))


async def _more(hub: Hub, seen: Seen) -> Region:
    """With images and snapshots."""
    clients, trouble = Clients(seen.account), list(seen.trouble)
    images, snapshots = [], []
    try:
        images = await shelved_images(clients.reading, hub.hub_id)
        snapshots = await snapshots_of_hub(clients.reading, hub.hub_id)
    except EC2Error as e:
        trouble.append(admin_hint(e))
    finally:
        clients.close()
    told = tuple(dict.fromkeys(trouble))
    return Region(seen.name, seen.machines, seen.resources, images, snapshots, told)


def why_alive(hub: Hub, others: Sequence[Machine]) -> str:
    """What tells that a Hub with this id runs; empty when nothing does.

    It would launch machines again, and think that those that are ended have died.
    """
    if others:
        return (
            f"another Hub has this hub_id: {others[0].id} is its, and has a lease, so "
            "it may run"
        )
    url = hub_url(hub)
    answers = _answers(url)
    if answers:
        return f"a Hub answers at {url}"
    now = time.time()
    ago = now - max(load(hub, now)[0].seen.values(), default=0)
    if answers is None and ago < _ALIVE_SECONDS:
        return (
            f"a Hub wrote into this hub's ledger {max(ago, 0):.0f} s ago, and nobody "
            f"can see from here whether it still runs at {url}"
        )
    return ""


def _answers(url: str) -> bool | None:
    """Whether JupyterHub's API is there (JupyterHub REST API, ``GET /``).

    None when that cannot be seen from here.
    """
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as answer:
            return "version" in json.load(answer)
    except urllib.error.HTTPError:
        return None  # somebody is there
    except OSError as e:
        refused = isinstance(getattr(e, "reason", e), ConnectionRefusedError)
        return False if refused else None
    except (ValueError, TypeError):
        return None
