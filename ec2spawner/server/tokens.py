"""The server's API token: minted when its machine claims, dead when it stops."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from jupyterhub.utils import new_token

from ..core.errors import EC2SpawnError, Reason
from ..core.state import ServerInMemory
from ..fleet.unsaved import NotSaved
from .context import HubSide, ServerContext


def token_id(hub: HubSide) -> int:
    """The database id of the token that the Hub has made for this start.

    :raises EC2SpawnError: when it is missing, or somebody else's
    """
    token = hub.api_token
    row = orm.APIToken.find(hub.db, token) if token else None
    return int(_checked(hub, row).id)


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


def replace_token(hub: HubSide, id: int) -> str:
    """Mint the server's token, in the row of the one that the Hub has made.

    The Hub makes a token before each start (``User.spawn``) and keeps it only in
    memory, so after a restart it could not be delivered. This one is made when
    the machine is there to take it. It is the secret of the server's OAuth
    client, too.

    The row keeps its id and its rights: a Hub that is killed at any moment of this
    knows which token to replace when the machine asks again, and which to delete.

    :param id: the database id of the Hub's token
    :raises EC2SpawnError: when it is gone, or somebody else's
    """
    token: str = new_token()
    with hub.writing():
        row = _row(hub, id)
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


def token_in_memory(
    hub: HubSide, id: int, machine_key_hash: str, digest: str
) -> ServerInMemory | None:
    """What to remember of a server that may hibernate; its token only as the Hub
    itself has it, by which nobody can make it out."""
    row = hub.db.get(orm.APIToken, id) if id else None
    if row is None:
        return None
    return ServerInMemory(machine_key_hash, row.prefix, row.hashed, digest)


def revive_token(hub: HubSide, id: int, server: ServerInMemory) -> None:
    """Let the token count again that a server has kept in its memory.

    It was deleted when the server stopped, and a process cannot be given another.

    :param id: the database id of the token that the Hub has made for this start
    :raises EC2SpawnError: when it is gone, or somebody else's
    """
    with hub.writing():
        row = _row(hub, id)
        row.prefix, row.hashed = server.token_prefix, server.token_hash
        if (client := hub.row.oauth_client) is not None:
            client.secret = server.token_hash


def _row(hub: HubSide, id: int) -> Any:
    return _checked(hub, hub.db.get(orm.APIToken, id) if id else None)


def revoke_token(context: ServerContext, old_id: int) -> None:
    """Delete a token by its database id, which survives a restart of the Hub.

    When the database refuses that, it is done as soon as it does not.
    """
    if not old_id:
        return
    # The row may be gone by then, and its session with it.
    hub, session = context.hub, context.hub.db

    def revoke() -> None:
        with hub.writing():
            if (old := session.get(orm.APIToken, old_id)) is not None:
                session.delete(old)

    try:
        revoke()
    except NotSaved:
        context.write_later(("token", old_id), revoke)
