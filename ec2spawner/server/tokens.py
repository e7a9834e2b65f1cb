"""The server's API token: minted when its machine claims, dead when it stops."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from jupyterhub import orm
from jupyterhub.utils import new_token, url_escape_path
from sqlalchemy.orm import Session, joinedload

from ..core.errors import EC2SpawnError, Reason
from ..core.saved_state import UnreadableState, from_dict
from ..core.state import Launch, ServerInMemory
from ..fleet.unsaved import NotSaved
from .context import HubSide, ServerContext

# A database may keep times by the second (MySQL's DATETIME).
_SECONDS = 1.0
# What JupyterHub notes of the token that it makes for a start (``User.spawn``).
_NOTE = "Server at "


def token_of(hub: HubSide) -> tuple[int, float]:
    """The token that the Hub has made for this start: its database id, and when it was
    made, seconds since the epoch.

    SQLite gives the id of a deleted row again: one says nothing without the other.

    :raises EC2SpawnError: when it is missing, or somebody else's
    """
    token = hub.api_token
    row = _checked(hub, orm.APIToken.find(hub.db, token) if token else None)
    return int(row.id), _made(row)


def _made(row: Any) -> float:
    made: datetime = row.created  # in UTC, as JupyterHub keeps all its times
    return made.replace(tzinfo=timezone.utc).timestamp()


def _find(db: Session, launch: Launch) -> Any:
    """The row of a launch's token; None when that is no more."""
    row = db.get(orm.APIToken, launch.token_id) if launch.token_id else None
    made = launch.token_made
    if row is None or made and abs(_made(row) - made) > _SECONDS:
        return None
    return row


def _checked(hub: HubSide, row: Any) -> Any:
    """A token's row, if it is this user's own.

    A hook or a subclass may set ``Spawner.api_token`` to any other. JupyterHub
    itself looks only after the start (``User.spawn``).
    """
    if row is None:
        raise EC2SpawnError(
            "This hub's token for your server is not in its database. Try again, and "
            "if it comes back, please tell your hub's admin.",
            reason=Reason.CONFIG,
        )
    if row.user_id != hub.user_row.id:
        raise EC2SpawnError(
            "This hub has given your server a token that is not yours, so it is not "
            "started. Please tell your hub's admin.",
            reason=Reason.CONFIG,
            log_message=f"Token {row.id}, which a hook or the spawner's class has set "
            f"as api_token of {hub.label}, is not this user's",
        )
    return row


def replace_token(hub: HubSide, launch: Launch) -> str:
    """Mint the server's token, in the row of the one that the Hub has made.

    The Hub makes a token before each start (``User.spawn``) and keeps it only in
    memory, so after a restart it could not be delivered. This one is made when
    the machine is there to take it. It is the secret of the server's OAuth
    client, too.

    The row keeps its id and its rights: a Hub that is killed at any moment of this
    knows which token to replace when the machine asks again, and which to delete.

    :raises EC2SpawnError: when that is gone, or somebody else's
    """
    token: str = new_token()
    with hub.writing():
        row = _checked(hub, _find(hub.db, launch))
        row.token = token
        client, provider = hub.row.oauth_client, hub.oauth_provider
        if client is not None and provider is not None:
            # It commits, and so does the end of this block.
            provider.add_client(
                client.identifier,
                token,
                client.redirect_uri,
                allowed_scopes=client.allowed_scopes,
                description=client.description,
            )
    return token


def token_in_memory(hub: HubSide, launch: Launch, digest: str) -> ServerInMemory | None:
    """What to remember of a server that may hibernate; its token only as the Hub
    itself has it, by which nobody can make it out."""
    row = _find(hub.db, launch)
    if row is None:
        return None
    return ServerInMemory(launch.machine_key_hash, row.prefix, row.hashed, digest)


def revive_token(hub: HubSide, launch: Launch, server: ServerInMemory) -> None:
    """Let the token count again that a server has kept in its memory.

    It was deleted when the server stopped, and a process cannot be given another.

    :param launch: whose token, which the Hub has made for this start, it becomes
    :raises EC2SpawnError: when that is gone, or somebody else's
    """
    with hub.writing():
        row = _checked(hub, _find(hub.db, launch))
        row.prefix, row.hashed = server.token_prefix, server.token_hash
        if (client := hub.row.oauth_client) is not None:
            client.secret = server.token_hash


def revoke_token(context: ServerContext, launch: Launch) -> None:
    """Delete the token of a launch, which its row tells after a restart, too.

    When the database refuses that, it is done as soon as it does not.
    """
    if not launch.token_id:
        return
    # The server's row may be gone by then, and its session with it.
    hub, session = context.hub, context.hub.db

    def revoke() -> None:
        with hub.writing():
            if (old := _find(session, launch)) is not None:
                session.delete(old)

    try:
        revoke()
    except NotSaved:
        context.write_later(("token", launch.token_id), revoke)


def revocation_of_leftovers(db: Session) -> Callable[[], None]:
    """What deletes the tokens of servers that are no server's any more.

    That a database refused to revoke one is known only to the Hub's process, and
    JupyterHub itself may save the end of the launch meanwhile. So which those are is
    decided when a Hub starts, before any server does: a later token is not among them.

    :param db: the Hub's session; it is for the caller to commit
    """
    kept: set[int] = set()
    unclear: set[int] = set()
    for row in db.query(orm.Spawner).options(joinedload(orm.Spawner.server)):
        try:
            launch = from_dict(row.state or {}).launch
        except UnreadableState:
            unclear.add(row.user_id)
            continue
        if launch is not None and launch.token_id:
            kept.add(launch.token_id)
        elif launch is not None or row.server is not None:
            # Of an older version, or started by another spawner class.
            unclear.add(row.user_id)
    leftovers = [
        Launch("", "", token_id=row.id, token_made=_made(row))
        for row in db.query(orm.APIToken).filter(orm.APIToken.note.startswith(_NOTE))
        if row.user_id is not None and row.id not in kept
        if row.user_id not in unclear and _is_of_a_start(row)
    ]

    def revoke() -> None:
        for leftover in leftovers:
            if (row := _find(db, leftover)) is not None:
                db.delete(row)

    return revoke


def _is_of_a_start(row: Any) -> bool:
    """JupyterHub has made it: what people note of theirs is no address of a server of
    theirs, and mostly such a token ends some day."""
    own = rf".*/user/{re.escape(url_escape_path(row.user.name))}/(?:[^/]+/)?"
    note = row.note.removeprefix(_NOTE)
    return row.expires_at is None and re.fullmatch(own, note) is not None
