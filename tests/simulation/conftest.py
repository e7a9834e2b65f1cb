"""Worlds in which time is free: a real Hub, our EC2, and machines in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

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
