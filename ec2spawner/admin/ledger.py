"""The ledger of a hub that may be down: what its database has, and what EC2 shows now.

Nothing is written: what EC2 shows is booked in memory.
"""

from __future__ import annotations

import time

from sqlalchemy.exc import SQLAlchemyError

from ..costs.ledger import Ledger
from ..costs.store import Loaded, Store
from ..hub.costs.ledger import who_of
from ..hub.costs.prices import read_price_list
from ..hub.costs.whose import Whose
from ..hub.database.own import own_engine
from .collect import Survey
from .database import DatabaseError, never_new
from .hub_config import Hub


def read_ledger(
    hub: Hub, seen: Survey, since: float = 0.0, archives: bool = False
) -> tuple[Ledger, str]:
    """The ledger as it is now.

    :param since: seconds since the epoch: of what has ended before there are only sums
    :param archives: EC2 was asked for homes that are kept as snapshots, too
    :returns: it, and why the database does not have it; empty when it does
    """
    prices = read_price_list(hub.settings)
    ledger = Ledger(lambda: prices, absent=0.0)
    loaded, why = load(hub, since)
    ledger.restore(loaded.runs, loaded.older, loaded.seen)
    now = time.time()
    for region in seen.regions:
        if not region.trouble:
            ledger.see(region.name, region.machines, now, complete=True)
            ledger.see_volumes(region.name, region.resources, now)
            if archives:
                ledger.see_archives(region.name, region.archives, now)
    ledger.end_elsewhere({r.name for r in seen.regions if not r.trouble})
    if seen.records is not None:
        whose = Whose(hub.hub_id, seen.records)
        ledger.rename({key: name for name, key in seen.records.user_keys.items()})
        for run in ledger.unnamed():
            ledger.name(run.key, who_of(run, ledger, whose))
    return ledger, why


def load(hub: Hub, since: float) -> tuple[Loaded, str]:
    """What the database has of the ledger, and why it has not; empty when it does."""
    settings = hub.settings
    url = settings.ledger_url or hub.db_url
    own = {} if settings.ledger_url else hub.db_kwargs
    try:
        engine = own_engine(never_new(url), own)
        try:
            return Store(engine, hub.hub_id).load(since), ""
        finally:
            engine.dispose()
    except DatabaseError as e:
        return Loaded(), str(e)
    except (SQLAlchemyError, ImportError, TypeError) as e:
        return Loaded(), str(e).splitlines()[0]
