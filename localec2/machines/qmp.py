"""QEMU's monitor: commands and events as JSON on a socket.

https://www.qemu.org/docs/master/interop/qmp-spec.html
"""

from __future__ import annotations

import itertools
import json
import socket
import threading
from typing import Any


class QmpError(Exception):
    """QEMU refused a command, did not answer in time, or is gone."""


class Qmp:
    """The monitor of one QEMU process, over a connected socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._numbers = itertools.count(1)
        self._news = threading.Condition()
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: list[dict[str, Any]] = []
        self._over = False
        self._thread = threading.Thread(target=self._read, name="qmp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """After the process's end: what it said is kept, and read to its end."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it was closed at the other end
        self._thread.join()
        self._socket.close()

    def until_over(self) -> None:
        """Wait until everything that an ended process has said was read."""
        self._thread.join()

    def send(self, command: str, arguments: dict[str, Any] | None = None) -> int:
        """Send a command and do not wait for its answer; returns its number.

        :raises QmpError: when the process is gone
        """
        number = next(self._numbers)
        text = json.dumps(
            {"execute": command, "arguments": arguments or {}, "id": number}
        )
        try:
            self._socket.sendall(text.encode() + b"\n")
        except OSError as error:
            raise QmpError(f"{command}: QEMU is gone: {error}") from error
        return number

    def ask(
        self,
        command: str,
        arguments: dict[str, Any] | None = None,
        seconds: float = 60,
    ) -> Any:
        """Send a command, and return its answer.

        :raises QmpError: when it is refused or takes longer than ``seconds``
        """
        number = self.send(command, arguments)
        with self._news:
            self._news.wait_for(
                lambda: number in self._answers or self._over, timeout=seconds
            )
            answer = self._answers.pop(number, None)
        if answer is None:
            raise QmpError(f"{command}: QEMU does not answer")
        if "error" in answer:
            raise QmpError(f"{command}: {answer['error']['desc']}")
        return answer["return"]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The data of every event of this name so far, oldest first."""
        with self._news:
            return [e.get("data", {}) for e in self._events if e["event"] == name]

    def wait_for(self, name: str, seconds: float, **data: Any) -> bool:
        """Whether an event with this data has come, or comes in time."""

        def has_come() -> bool:
            return any(data.items() <= each.items() for each in self.events(name))

        with self._news:
            self._news.wait_for(lambda: has_come() or self._over, timeout=seconds)
            return has_come()

    def forget(self, name: str) -> None:
        """Forget events of this name: only new ones count from here on."""
        with self._news:
            self._events = [each for each in self._events if each["event"] != name]

    def _read(self) -> None:
        with self._socket.makefile("rb") as lines:
            try:
                for line in lines:
                    self._take(json.loads(line))
            except (OSError, ValueError):
                pass  # the process was killed in the middle of a line
        with self._news:
            self._over = True
            self._news.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        with self._news:
            if "event" in message:
                self._events.append(message)
            elif "id" in message:
                self._answers[message["id"]] = message
            self._news.notify_all()
