"""What every process of the tests would work out anew, though it is always the same."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from typing import Any

import botocore.client
import botocore.loaders
import botocore.session


def install() -> None:
    """Look for what is installed, and read and build AWS's models, once a process.

    It is most of what reading a configuration takes, and a third of a Hub's start.
    """
    metadata.entry_points = cache(metadata.entry_points)  # type: ignore[assignment]
    botocore.session.create_loader = cache(botocore.loaders.create_loader)
    creator = botocore.client.ClientCreator
    make, made = creator._create_client_class, dict[str, type]()

    def make_once(self: Any, service: str, model: Any) -> type:
        if service not in made:
            made[service] = make(self, service, model)
        return made[service]

    creator._create_client_class = make_once
