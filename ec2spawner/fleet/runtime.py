"""What lives as long as the Hub's process, and is shared by all of its servers."""

from __future__ import annotations

import asyncio

from ..claim.certificates import Authority
from ..claim.rate_limits import RateLimits
from ..claim.registry import Registry
from ..core.idleness import IdlePolicy
from ..costs.ledger import Ledger
from ..costs.price_list import PriceList
from ..launch.breaker import Breaker
from ..launch.history import StartHistory
from ..launch.limits import Limits
from ..ready.pool import Pool
from .budgeting import Budgeting
from .builds import Builds
from .fleets import Fleets
from .unsaved import Unsaved


class HubRuntime:
    """One hub in one process.

    Nothing of it is saved: after a restart the database and EC2 say all of it again.
    """

    def __init__(self) -> None:
        #: what things cost, as far as it is known
        self.prices = PriceList()
        #: what was spent: see its ``of_...``, which answer at once
        self.ledger = Ledger(lambda: self.prices)
        #: what may be spent
        self.budgeting = Budgeting(self.ledger)
        self.fleets = Fleets(self.ledger)
        #: images that are made while starts wait for them
        self.builds = Builds(self.fleets, self.ledger.builds_of)
        #: the name of the Hub's database, for its machines' tags; empty for none
        self.database = ""
        #: which launch's machine may come to claim
        self.registry = Registry()
        #: machines that are ready, and nobody's yet
        self.ready = Pool(self.registry)
        #: how often machines, and strangers, may ask
        self.rate_limits = RateLimits()
        #: what signs machines' certificates; None where nothing is encrypted
        self.authority: Authority | None = None
        #: the places that launches have taken
        self.limits = Limits()
        #: which kinds of machine fail to boot
        self.breaker = Breaker()
        #: how long earlier starts took
        self.history = StartHistory()
        #: EC2 is being asked what the form tells of sizes, for the first time
        self.learning = False
        #: the ids of servers that are being deleted for good
        self.deletions: set[str] = set()
        #: this Hub stops idle servers itself, and does not only say that it would
        self.stops_idle = False
        #: when a service of the Hub stops servers in its place; none of it without one
        self.culled = IdlePolicy()
        #: what the Hub's database is still to take
        self.unsaved = Unsaved()
        #: the Hub has looked at its servers, and answers
        self.serving = asyncio.Event()
        # The event loop itself keeps no task alive.
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def hub_ca(self) -> str:
        """PEM of what machines believe the Hub by; empty where nothing is encrypted."""
        return self.authority.hub_ca if self.authority else ""


# JupyterHub makes spawners and handlers itself and hands them nothing of ours, so the
# one runtime of the process is found here. Nothing else of ours is global.
_current = HubRuntime()


def runtime() -> HubRuntime:
    """The runtime of this process."""
    return _current
