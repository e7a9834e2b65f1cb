"""The key: one hash of all that goes into an image. Pure.

The same key is the same image: it is the image's name, so that EC2 itself sees to it
that there is one, and it says without a machine that nothing has to be built. The
commit is no part of it, unless the repository's own program runs or its files are in
the image: a commit that changes notebooks makes no other image else.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

# Whoever changes what the builder does to a machine counts up.
_BUILDER = 3
_KEY_LENGTH = 40
_IN_NAMES = 12


@dataclass(frozen=True)
class Contents:
    """All that goes into an image."""

    hub_id: str
    name: str
    #: the AMI that it begins with
    base: str
    architecture: str
    python: str
    lock: tuple[str, ...]
    #: the lock of the server's own environment
    server: tuple[str, ...]
    apt: tuple[str, ...] = ()
    #: explicit packages of conda: addresses
    conda: tuple[str, ...] = ()
    post_build: str = ""
    #: only with a program that may read the repository
    commit: str = ""
    #: the repository's files, where they are in the image: commit, or their digest
    baked: str = ""
    builder: int = field(default=_BUILDER)

    @property
    def key(self) -> str:
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]

    @property
    def image_name(self) -> str:
        """The AMI's name: unique in an account and region (EC2, CreateImage)."""
        return image_name(self.name, self.key)


def image_name(name: str, key: str) -> str:
    return f"ec2spawner/{name}/{key[:_IN_NAMES]}"
