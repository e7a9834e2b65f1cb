"""Servers whose machines are gone, and that JupyterHub holds to be there."""

from __future__ import annotations

from typing import Any

from ..ec2.again import every
from ..server.context import HasContext


class Over:
    """Lets the Hub stop servers that are over, again and again while it runs.

    It hears of an end once. When its own change of the database fails then, it shows a
    server that runs, or one that is about to stop, and asks us no more.

    :param app: the JupyterHub application
    """

    def __init__(self, app: Any, log: Any) -> None:
        self._app = app
        self._log = log
        #: spawners that the Hub was stopping at the last look
        self._stopping: set[Any] = set()

    async def keep_stopping(self, interval: float) -> None:
        await every(interval, self.look, self._failed)

    async def look(self) -> None:
        """Stop each of them. Who is about to stop at two looks has been forgotten."""
        before, self._stopping = self._stopping, set()
        for user in list(self._app.users.values()):
            for name, spawner in list(user.spawners.items()):
                if not (spawner.active and _is_over(spawner)):
                    continue
                if spawner.pending == "stop" and spawner not in before:
                    self._stopping.add(spawner)
                elif spawner.pending in (None, "stop"):
                    await self._stop(user, name, spawner)

    async def _stop(self, user: Any, name: str, spawner: Any) -> None:
        try:
            await self._app.proxy.delete_user(user, name)
            if user.spawners.get(name) is spawner:
                await user.stop(name)
        except Exception as e:
            # JupyterHub leaves it so (User.stop), and lets nobody start it any more.
            spawner._stop_pending = False
            self._failed(e)

    def _failed(self, _: Exception) -> None:
        self._log.exception("A server that is over is stopped later")


def _is_over(spawner: Any) -> bool:
    """Of a server of ours that the Hub holds to be active: its machine is gone."""
    if not isinstance(spawner, HasContext):
        return False
    context = spawner.context
    return context.saved_all and not context.state.may_have_machine
