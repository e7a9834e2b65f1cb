"""The command ``ec2spawner image prune``."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence

from ...ec2.clients import Clients
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.images import deregister_image
from ...images.shelf import Verdict, prune, status_of
from ..hub_config import Hub
from ..sweep import Status
from .app import PruneOptions
from .look import Shelf, look

_UNITS = {"d": 86400.0, "h": 3600.0, "w": 7 * 86400.0}


class PruneApp(PruneOptions):
    """``ec2spawner image prune``, which does what its options say."""

    def start(self) -> None:
        unused_for = self._seconds()
        hub = self.hub()
        shelf = asyncio.run(look(hub))
        verdicts = decide(shelf, self.keep_last, unused_for, time.time())
        failed: dict[str, str] = {}
        if callable(hub.settings.profile_list):
            self.complain(
                ["profile_list is a callable: which images it names is not known"]
            )
        if not self.dry_run:
            failed = asyncio.run(_delete(hub, verdicts))
        trouble = [*shelf.trouble, *failed.values()]
        self.complain(trouble)
        if self.json:
            print(_as_json(verdicts, self.dry_run, failed, trouble))
        else:
            for each in verdicts:
                if each.image.id not in failed:
                    print(_line(each, self.dry_run))
        self.exit(int(Status.FAILED if trouble else Status.DONE))

    def _seconds(self) -> float:
        found = re.fullmatch(r"(\d+)([dhw])", self.unused_for)
        if not found:
            self.fail(f"{self.unused_for!r} is no time: give one such as 90d", 2)
        return int(found[1]) * _UNITS[found[2]]


def decide(
    shelf: Shelf, keep_last: int, unused_for: float, now: float
) -> list[Verdict]:
    """The verdicts on all regions that have answered. Pure."""
    return [
        verdict
        for region in shelf.regions
        if not region.trouble
        for verdict in prune(
            region.name, region.images, region.used_by, keep_last, unused_for, now
        )
    ]


async def _delete(hub: Hub, verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Delete them; image id -> why that was not possible."""
    failed = {}
    for region in dict.fromkeys(each.region for each in verdicts if each.go):
        clients = Clients(hub.in_region(region))
        for verdict in verdicts:
            if verdict.go and verdict.region == region:
                try:
                    await deregister_image(clients.killing, verdict.image.id)
                except EC2Error as e:
                    why = f"cannot delete {_what(verdict)}: {admin_hint(e)}"
                    failed[verdict.image.id] = why
        clients.close()
    return failed


def _what(verdict: Verdict) -> str:
    image = verdict.image
    return f"{image.label or image.name} {image.id} in {verdict.region}"


def _line(verdict: Verdict, dry_run: bool) -> str:
    if not verdict.go:
        return f"Stays: {_what(verdict)}: {verdict.why}"
    done = "Would delete" if dry_run else "Deleted"
    return f"{done}: {_what(verdict)}: {verdict.why}"


def _as_json(
    verdicts: Sequence[Verdict],
    dry_run: bool,
    failed: Mapping[str, str],
    trouble: list[str],
) -> str:
    images = [
        {
            "region": each.region,
            "id": each.image.id,
            "name": each.image.label,
            "key": each.image.key,
            "status": status_of(each.image),
            "delete": each.go,
            "deleted": each.go and not dry_run and each.image.id not in failed,
            "why": each.why,
        }
        for each in verdicts
    ]
    found = {"dry_run": dry_run, "trouble": trouble, "images": images}
    return json.dumps(found, indent=2)
