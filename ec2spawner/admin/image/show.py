"""The command ``ec2spawner image show``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from ...core.tags import (
    COMMIT_TAG,
    PACKAGES_TAG,
    PYTHON_TAG,
    SAVED_TAG,
    SECRETS_TAG,
    SOURCE_TAG,
    lease_text,
)
from ...images.shelf import Version
from ..explain import UNKNOWN
from ..table import Table, show
from .app import ShowOptions
from .look import Shelf, look
from .ls import HEAD, as_json, cells, cost

_FACTS = (
    ("Made of", SOURCE_TAG),
    ("Commit", COMMIT_TAG),
    ("Python", PYTHON_TAG),
    ("Packages", PACKAGES_TAG),
    ("Whose machine", SAVED_TAG),
    ("Secrets found", SECRETS_TAG),
)


class ShowApp(ShowOptions):
    """``ec2spawner image show``, which does what its options say."""

    def start(self) -> None:
        name = self.one_word("which image? Give its name")
        shelf = asyncio.run(look(self.hub()))
        found = self.meant(shelf, name)
        self.complain(shelf.trouble)
        if self.json:
            print(as_json(shelf, found))
        else:
            show(*_blocks(shelf, found))
        self.exit(1 if shelf.trouble else 0)


def _blocks(shelf: Shelf, found: list[Version]) -> Iterator[str | Table]:
    newest, *older = found
    usd, now = cost(shelf, newest), time.time()
    facts = [("Name", newest.label), ("Key", newest.key)]
    facts += [(text, newest.tags.get(tag, "")) for text, tag in _FACTS]
    facts += [
        ("Made", lease_text(newest.created_at)),
        ("Description", newest.copies[0].image.description),
        ("A month", f"at most {usd:.2f} USD" if usd is not None else UNKNOWN),
    ]
    width = max(len(text) for text, _ in facts) + 2
    yield "\n".join(f"{text:<{width}}{value}" for text, value in facts if value)
    rows = [
        [c.region, c.image.id, c.status, c.image.architecture, f"{c.image.size} GiB"]
        for c in newest.copies
    ]
    yield Table(("REGION", "IMAGE", "STATUS", "PROCESSOR", "SIZE"), rows)
    users = [[c.region, user] for c in newest.copies for user in c.used_by]
    if users:
        yield Table(("REGION", "USED BY"), users)
    if older:
        yield Table(HEAD, [cells(shelf, version, now) for version in older])
