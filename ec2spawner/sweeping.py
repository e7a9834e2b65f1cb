"""The sweep of a Hub that runs: EC2 first, the database second, then the verdict."""

from __future__ import annotations

import asyncio
import time
from datetime import timezone
from typing import Any

from jupyterhub import orm
from sqlalchemy import func

from .fleet import Fleet, fleets
from .state import Tombstone
from .sweep import Sweeper

_LISTING_SECONDS = 60.0


def wanted_launches(db: Any) -> dict[str, str]:
    """Every launch that the Hub's database knows: launch id -> instance id or ""."""
    wanted: dict[str, str] = {}
    for (state,) in db.query(orm.Spawner.state).filter(orm.Spawner.state.isnot(None)):
        launch_id = (state or {}).get("launch_id")
        if launch_id:
            wanted[launch_id] = state.get("instance_id", "")
    return wanted


def database_since(db: Any) -> float:
    """When the oldest user was made, seconds since the epoch; now if there is none."""
    created = db.query(func.min(orm.User.created)).scalar()
    if created is None:
        return time.time()
    return float(created.replace(tzinfo=timezone.utc).timestamp())


async def sweep_once(fleet: Fleet, sweeper: Sweeper, db: Any) -> None:
    """One pass over the machines of one fleet."""
    listing = await fleet.inventory.newer_than(time.monotonic(), _LISTING_SECONDS)
    if listing is None:
        return  # an outage proves nothing
    verdict = sweeper.judge(
        listing.machines.values(),
        wanted_launches(db),
        database_since(db),
        time.monotonic(),
    )
    for machine in verdict.end:
        fleet.log.warning(
            "Machine %s of launch %s has no server: it is ended",
            machine.id,
            machine.launch_id or "(unknown)",
        )
        fleet.bury(Tombstone(machine.launch_id, machine.id))
    if verdict.braked:
        fleet.log.error(
            "Machines of this Hub have no server, but there are too many of them, or "
            "they are older than the database, to end them without a person's word. "
            "Was the database replaced? They cost money until somebody terminates "
            "them: %s",
            ", ".join(machine.id for machine in verdict.braked),
        )


async def sweep_for_ever(db: Any, interval: float, grace: float, log: Any) -> None:
    """Sweep every fleet of this process, again and again."""
    sweepers: dict[Fleet, Sweeper] = {}
    while True:
        await asyncio.sleep(interval)
        for fleet in fleets():
            try:
                sweeper = sweepers.setdefault(fleet, Sweeper(grace))
                await sweep_once(fleet, sweeper, db)
            except Exception:
                log.exception("The sweep failed and is tried again")
