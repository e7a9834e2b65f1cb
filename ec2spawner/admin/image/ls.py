"""The command ``ec2spawner image ls``."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from ...core.tags import COMMIT_TAG, PACKAGES_TAG, PYTHON_TAG, SOURCE_TAG, lease_text
from ...images.shelf import Copy, Version
from ..explain import UNKNOWN
from ..table import Table, duration, show
from .app import ImageLsOptions
from .look import Shelf, look

HEAD = tuple("NAME KEY AGE COMMIT PYTHON PACKAGES SIZE USD/MONTH STATUS USED".split())
_COMMIT = 8


class ImageLsApp(ImageLsOptions):
    """``ec2spawner image ls``, which does what its options say."""

    def start(self) -> None:
        hub = self.hub()
        shelf = asyncio.run(look(hub))
        self.complain(shelf.trouble)
        if self.json:
            print(as_json(shelf, shelf.versions))
        else:
            lines = [cells(shelf, each, time.time()) for each in shelf.versions]
            show(Table(HEAD, lines) if lines else f"Hub {hub.hub_id} has no image.")
        self.exit(1 if shelf.trouble else 0)


def cells(shelf: Shelf, version: Version, now: float) -> list[str]:
    """As text, in the order of :data:`HEAD`."""
    tags = version.tags
    users = sum(len(copy.used_by) for copy in version.copies)
    return [
        version.label or "-",
        version.short_key,
        duration(now - version.created_at),
        tags.get(COMMIT_TAG, "")[:_COMMIT] or "-",
        tags.get(PYTHON_TAG) or "-",
        tags.get(PACKAGES_TAG) or "-",
        f"{max(copy.image.size for copy in version.copies)} GiB",
        _usd_cell(cost(shelf, version)),
        ", ".join(f"{copy.region} {copy.status}" for copy in version.copies),
        str(users) if users else "-",
    ]


def cost(shelf: Shelf, version: Version) -> float | None:
    """In all its regions, US dollars a month at most; None when that is not known."""
    each = [shelf.usd(copy.region, copy.image) for copy in version.copies]
    known = [usd for usd in each if usd is not None]
    return sum(known) if len(known) == len(each) else None


def _usd_cell(usd: float | None) -> str:
    return UNKNOWN if usd is None else f"<={usd:.2f}"


def as_json(shelf: Shelf, found: list[Version]) -> str:
    return json.dumps(
        {
            "hub_id": shelf.hub_id,
            "at": lease_text(time.time()),
            "trouble": shelf.trouble,
            "images": [_version(shelf, version) for version in found],
        },
        indent=2,
    )


def _version(shelf: Shelf, version: Version) -> dict[str, Any]:
    tags, usd = version.tags, cost(shelf, version)
    return {
        "name": version.label,
        "key": version.key,
        "created_at": lease_text(version.created_at),
        "source": tags.get(SOURCE_TAG),
        "commit": tags.get(COMMIT_TAG),
        "python": tags.get(PYTHON_TAG),
        "packages": _number(tags.get(PACKAGES_TAG)),
        "usd_a_month_at_most": None if usd is None else round(usd, 4),
        "regions": [_copy(shelf, copy) for copy in version.copies],
    }


def _copy(shelf: Shelf, copy: Copy) -> dict[str, Any]:
    image, usd = copy.image, shelf.usd(copy.region, copy.image)
    return {
        "region": copy.region,
        "id": image.id,
        "name": image.name,
        "status": copy.status,
        "architecture": image.architecture,
        "size_gib": image.size,
        "usd_a_month_at_most": None if usd is None else round(usd, 4),
        "created_at": lease_text(image.created_at),
        "launched_at": lease_text(image.launched_at) if image.launched_at else None,
        "used_by": list(copy.used_by),
        "kept": image.kept,
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
