"""Every fleet of this process, by hub, region and endpoint."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from ..costs.ledger import Ledger
from .fleet import Fleet, FleetKey


class Fleets:
    """Makes each fleet once. Equal keys share one."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._ledger = ledger
        self._fleets: dict[FleetKey, Fleet] = {}

    def get(
        self, key: FleetKey, fast: float, slow: float, log: logging.Logger
    ) -> Fleet:
        """The one fleet of this key.

        The intervals of the first caller hold: they are the hub's, not a server's.
        """
        if key not in self._fleets:
            self._fleets[key] = Fleet(key, fast, slow, log, self._ledger)
        return self._fleets[key]

    def __iter__(self) -> Iterator[Fleet]:
        return iter(tuple(self._fleets.values()))

    def of_hub(self, hub_id: str) -> list[Fleet]:
        """Those of one hub, whatever regions they are in."""
        return [fleet for fleet in self if fleet.hub_id == hub_id]
