"""JupyterHub's spawner, user and row, as the parts of a server's life may use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timezone
from typing import Any

from jupyterhub.utils import AnyTimeoutError, make_ssl_context
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from .fleet.unsaved import committing
from .server.context import Sibling

# A server that does anything at all answers by then.
_ANSWER_SECONDS = 5.0


class SpawnerSide:
    """The one place that knows how JupyterHub keeps what we need (``HubSide``)."""

    def __init__(self, spawner: Any) -> None:
        self._spawner = spawner
        self._db: Session | None = None

    @property
    def user_name(self) -> str:
        return str(self._spawner.user.name)

    @property
    def server_name(self) -> str:
        return str(self._spawner.name)

    @property
    def label(self) -> str:
        return str(self._spawner._log_name)

    @property
    def row(self) -> Any:
        return self._spawner.orm_spawner

    @property
    def user_row(self) -> Any:
        return self._spawner.user.orm_user

    @property
    def db(self) -> Session:
        # ``Spawner.db`` is deprecated; the row knows it, until it is deleted.
        self._db = inspect(self.row).session or self._db
        assert self._db is not None, "the row has been in the database"
        return self._db

    @contextmanager
    def writing(self) -> Iterator[None]:
        with committing(self.db):
            yield

    @property
    def api_url(self) -> str:
        return str(self._spawner.hub_api_url)

    @property
    def base_url(self) -> str:
        return str(self._spawner.server.base_url)

    @property
    def api_token(self) -> str:
        return str(self._spawner.api_token)

    @property
    def oauth_provider(self) -> Any:
        return self._spawner.user.settings.get("oauth_provider")

    @property
    def has_entry(self) -> bool:
        return self._spawner.server is not None

    @property
    def busy(self) -> bool:
        return bool(self._spawner.pending)

    @property
    def last_activity(self) -> float:
        at = self.row.last_activity
        return float(at.replace(tzinfo=timezone.utc).timestamp()) if at else 0.0

    @property
    def port(self) -> int:
        return int(self._spawner.port)

    @property
    def cmd(self) -> list[str]:
        return list(self._spawner.cmd or ())

    def command(self) -> list[str]:
        return [*self.cmd, *self._spawner.get_args()]

    def environment(self, token: str) -> dict[str, str]:
        spawner = self._spawner
        spawner.api_token = token
        try:
            return {name: str(value) for name, value in spawner.get_env().items()}
        finally:
            # The Hub would take a changed token for one that it must adopt, and
            # overwrite the OAuth client's scopes (User.spawn). We keep its id.
            spawner.api_token = ""

    def siblings(self) -> Mapping[str, Sibling]:
        others: Mapping[str, Any] = self._spawner.user.spawners
        return {
            name: other
            for name, other in others.items()
            if other is not self._spawner and hasattr(other, "context")
        }

    def all_siblings(self) -> Iterable[Sibling]:
        for name in self.user_row.orm_spawners:
            self._spawner.user.get_spawner(name)
        return self.siblings().values()

    def save(self) -> None:
        spawner = self._spawner
        # The row of a deleted server is gone, and that of a renamed one has another
        # spawner, whose memory is newer.
        if inspect(self.row).session is None:
            return
        with self.writing():
            if spawner.user.spawners.get(self.row.name, spawner) is spawner:
                self.row.state = spawner.get_state()

    async def answers(self) -> bool:
        server = self._spawner.server
        if server is None:
            return False
        kinds = ("key", "cert", "ca")
        given = self._spawner.user.settings
        tls = make_ssl_context(*(given.get(f"internal_ssl_{kind}") for kind in kinds))
        try:
            # As JupyterHub finds out whether a server has started (User._wait_up).
            answer = await server.wait_up(
                _ANSWER_SECONDS, http=True, ssl_context=tls, extra_path="api"
            )
        except AnyTimeoutError:
            return False
        # Another's, whose machine has got this address since, does not know the path.
        return bool(answer.status < 400)

    async def restore_choice(self) -> None:
        await self._spawner.restore_choice()

    async def look_again(self) -> None:
        await self._spawner.poll_and_notify()

    def server_has_ended(self) -> None:
        self._spawner.server_has_ended()
