"""Worlds in which time is free: a real Hub, our EC2, and machines in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .virtual_hub import Hub
    from .virtual_world import World

MakeHub = Callable[..., "Hub"]


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


@pytest.fixture
def hubs_with(world: World) -> Iterator[Callable[..., MakeHub]]:
    """Makes what makes hubs of some settings. They run, and have alice and others."""

    def maker(usual: dict[str, Any], *others: str) -> MakeHub:
        def make(**settings: Any) -> Hub:
            hub = world.hub(**{**usual, **settings})
            hub.start()
            for user in ("alice", *others):
                hub.call("POST", f"/users/{user}")
            hub.pass_time(2)
            return hub

        return make

    yield maker
    world.silent = False
