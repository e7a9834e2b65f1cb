"""Servers that JupyterHub has lost hold of: its own change of the database has failed.

It shows a server that runs or is about to stop, and whose machine is gone; one that it
is to stop, and does nothing about; or one that it was looking at when it started, and
looks at for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlparse

from ..ec2.again import every
from ..fleet.unsaved import committing
from ..server.context import HasContext

# Beside http_timeout, for which JupyterHub tries to reach a server.
_CHECK_SECONDS = 60.0
_PORTS = {"http": 80, "https": 443}


class StuckServers:
    """Takes hold of them again, whenever it looks, as long as the Hub runs.

    :param app: the JupyterHub application
    """

    def __init__(self, app: Any, log: Any) -> None:
        self._app = app
        self._log = log
        #: spawners that the Hub was stopping at the last look
        self._stopping: set[Any] = set()
        #: those that had stopped at the last look, and whose launch it had not let go
        self._kept: set[Any] = set()
        #: those that it is still to check -> since when there is something to see
        self._checking: dict[Any, float] = {}

    async def keep_looking(self, interval: float) -> None:
        await every(interval, self.look, self._failed)

    async def look(self) -> None:
        """Who is about to stop at two looks has been forgotten, and who has stopped
        with a token that still counts."""
        stopping, self._stopping = self._stopping, set()
        checking, self._checking = self._checking, {}
        kept, self._kept = self._kept, set()
        now = asyncio.get_running_loop().time()
        for user in list(self._app.users.values()):
            for name, spawner in list(user.spawners.items()):
                if not _is_ours(spawner):
                    continue
                if not spawner.active:
                    if spawner.context.state.launch is None:
                        continue
                    if spawner in kept:
                        spawner.clear_state()  # User.stop did not come so far
                    else:
                        self._kept.add(spawner)
                    continue
                if spawner.pending == "check":
                    if _is_settled(spawner):
                        since = checking.get(spawner, now)
                        if now - since > spawner.http_timeout + _CHECK_SECONDS:
                            await self._end_check(user, name, spawner)
                        else:
                            self._checking[spawner] = since
                elif not (_is_over(spawner) or _is_given_up(spawner)):
                    continue
                elif spawner.pending == "stop" and spawner not in stopping:
                    self._stopping.add(spawner)
                elif spawner.pending in (None, "stop"):
                    await self._stop(user, name, spawner)

    async def _stop(self, user: Any, name: str, spawner: Any) -> None:
        try:
            await self._app.proxy.delete_user(user, name)
            if user.spawners.get(name) is spawner:
                await user.stop(name)
        except Exception as e:
            # User.stop leaves it as one that is about to stop: the next look goes on.
            self._stopping.add(spawner)
            self._failed(e)

    async def _end_check(self, user: Any, name: str, spawner: Any) -> None:
        """What was left of it (JupyterHub.init_spawners, ``check_spawner``)."""
        self._log.warning(
            "%s: the Hub's check of it at its start came to no end. It is over now",
            spawner._log_name,
        )
        try:
            if not _is_over(spawner):
                url = urlparse(spawner.known_url)
                with committing(self._app.db):
                    server = spawner.server
                    server.proto, server.ip = url.scheme, url.hostname
                    server.port = url.port or _PORTS[url.scheme]
            spawner._check_pending = False
            if not _is_over(spawner):  # else the next look stops it
                await self._app.proxy.add_user(user, name)
                spawner.add_poll_callback(self._stop, user, name, spawner)
                spawner.start_polling()
        except Exception as e:
            self._failed(e)

    def _failed(self, _: Exception) -> None:
        self._log.exception("A server that the Hub has lost hold of is left for later")


def _is_ours(spawner: Any) -> bool:
    return isinstance(spawner, HasContext)


def _is_over(spawner: Any) -> bool:
    """The Hub holds it to be active, and its machine is gone."""
    context = spawner.context
    return bool(context.saved_all and not context.state.may_have_machine)


def _is_given_up(spawner: Any) -> bool:
    """The Hub is stopping it, and neither does anything nor has saved that it has.

    Of a machine that EC2 has never made there is nothing to stop, and what shows up of
    it later is ended when the launch is let go.
    """
    stopping = spawner.pending == "stop" and spawner.server is not None
    return stopping and spawner.context.saved_all and not spawner.is_stopping


def _is_settled(spawner: Any) -> bool:
    """Nothing of ours keeps the Hub's check any more: its machine is ready, or over, or
    is not waited for since its start has failed (``EC2Spawner.get_url``)."""
    return bool(spawner.context.saved_all and spawner._spawn_future is None)
