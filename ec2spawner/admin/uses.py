"""What keeps servers on, as the Hub that runs has written it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from ..hub.database.own import own_engine
from ..hub.database.uses import UseNote, Uses
from .database import DatabaseError, never_new
from .hub_config import Hub
from .table import duration

# A Hub that runs writes at least every five minutes.
_OLD_SECONDS = 900.0


@dataclass(frozen=True)
class KnownUses:
    """By the id of the machine; and when that was so, seconds since the epoch."""

    notes: Mapping[str, UseNote] = field(default_factory=dict)
    at: float = 0.0

    def of(self, instance_id: str, now: float) -> str:
        """In words; empty where nobody knows, or has known for long."""
        note = self.notes.get(instance_id)
        if note is None or now - self.at > _OLD_SECONDS:
            return ""
        text = _words(note, now)
        return text if note.sees_people else f"{text}; it cannot see people"


def read_uses(hub: Hub) -> KnownUses:
    """Nothing where there is none, or it cannot be read: it is only told."""
    settings = hub.settings
    url = settings.ledger_url or hub.db_url
    own = {} if settings.ledger_url else hub.db_kwargs
    try:
        engine = own_engine(never_new(url), own)
        try:
            return KnownUses(*Uses(engine, hub.hub_id).read())
        finally:
            engine.dispose()
    except (DatabaseError, SQLAlchemyError, ImportError, TypeError, ValueError):
        return KnownUses()


def _words(note: UseNote, now: float) -> str:
    left = f"stops in {duration(note.at - now)}" if note.at else ""
    if note.warned:
        return f"about to stop, {left}: {note.why}"
    if note.idle_since:
        idle = f"idle for {duration(now - note.idle_since)}"
        return f"{idle}, {left} unless it is used" if left else idle
    return f"kept on: {note.why}"
