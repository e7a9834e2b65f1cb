"""The Hub of the other tests, for those that break things, and a world of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.hub.conftest import cloud, ec2, make_hub, make_quick_hub  # noqa: F401

if TYPE_CHECKING:
    from .virtual_world import World


@pytest.fixture(scope="module")
def worlds() -> Iterator[Callable[[], World]]:
    """Makes worlds in which time is free: a new EC2 for each test."""
    # Imports JupyterHub and moto, which takes seconds.
    from .virtual_world import one_cloud

    with one_cloud() as make:
        yield make


@pytest.fixture
def world(worlds: Callable[[], World]) -> Iterator[World]:
    made = worlds()
    yield made
    made.close()
