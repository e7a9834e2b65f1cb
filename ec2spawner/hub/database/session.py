"""The Hub's session of its database, which one failure must not spoil for everybody."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session


def keep_usable(db: Session) -> None:
    """Roll the session back when something has failed in it, whoever's it was.

    Until then every use of it fails (SQLAlchemy, "This Session's transaction has been
    rolled back"). JupyterHub does so for requests, and not for what it does by itself:
    its shutdown stood still at its last commit, after another had failed.

    Nothing is lost by it: who shares the session commits before others have their turn.

    :param db: the Hub's session
    """

    def heal() -> None:
        if not db.is_active:
            db.rollback()

    def failed(session: Session, previous: Any) -> None:
        try:
            asyncio.get_running_loop().call_soon(heal)
        except RuntimeError:
            pass  # the Hub's process ends, and no loop runs any more

    event.listen(db, "after_soft_rollback", failed)
