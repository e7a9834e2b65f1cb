"""The command ``ec2spawner image show``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from traitlets import Bool

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
from ..table import table
from .look import Shelf, look
from .ls import HEAD, as_json, cells, cost
from .one import OneImageApp

_FACTS = (
    ("Made of", SOURCE_TAG),
    ("Commit", COMMIT_TAG),
    ("Python", PYTHON_TAG),
    ("Packages", PACKAGES_TAG),
    ("Whose machine", SAVED_TAG),
    ("Secrets found", SECRETS_TAG),
)


class ShowApp(OneImageApp):
    """Say all that is known of an image: what it was made of, where it is, who uses it.

    NAME is a name, of which the newest is shown and the others are listed; or NAME@KEY
    with the beginning of a key; or the id of an image.
    """

    name = "ec2spawner image show"
    description = __doc__ or ""
    examples = """
ec2spawner image show dhsvm-opt
ec2spawner image show dhsvm-opt@4b1d --json
"""
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    flags = {"json": ({"ShowApp": {"json": True}}, json.help)}

    def start(self) -> None:
        name = self.one_word("which image? Give its name")
        shelf = asyncio.run(look(self.hub()))
        found = self.meant(shelf, name)
        self.complain(shelf.trouble)
        if self.json:
            print(as_json(shelf, found))
        else:
            print("\n".join(_lines(shelf, found)))
        self.exit(1 if shelf.trouble else 0)


def _lines(shelf: Shelf, found: list[Version]) -> Iterator[str]:
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
    yield from (f"{text:<{width}}{value}" for text, value in facts if value)
    yield ""
    rows = [
        [c.region, c.image.id, c.status, c.image.architecture, f"{c.image.size} GiB"]
        for c in newest.copies
    ]
    yield table(("REGION", "IMAGE", "STATUS", "PROCESSOR", "SIZE"), rows)
    users = [[c.region, user] for c in newest.copies for user in c.used_by]
    if users:
        yield ""
        yield table(("REGION", "USED BY"), users)
    if older:
        yield ""
        yield table(HEAD, [cells(shelf, version, now) for version in older])
