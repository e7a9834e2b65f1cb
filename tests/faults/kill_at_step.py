"""Loaded into a Hub by its configuration: numbers its steps and kills it at one.

A step is a database commit that writes, or an EC2 call. Nothing of the product is
touched: SQLAlchemy and botocore tell of both by events of their own. ``orders.json``
in the Hub's folder says when to watch and where to die, ``steps.jsonl`` is what was
seen. Without orders nothing happens.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

ORDERS = Path("orders.json")
SEEN = Path("steps.jsonl")

#: what is written to tables of ours, whatever it is
LEDGER = "commit: the ledger"
_WRITE = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM) \"?(\w+)")
# What is to become of a launch, once that is not to serve, else how far it has come.
_STATE = [re.compile(r'"wish": "(keep|end)"'), re.compile(r'"phase": "(\w+)"')]
_lock = threading.Lock()


class Steps:
    """Counts steps by name, so that what repeats itself does not shift the rest."""

    def __init__(self) -> None:
        self._orders: dict[str, Any] = {}
        self._orders_at = 0
        self._count: Counter[str] = Counter()

    def begins(self, name: str) -> None:
        with _lock:
            if self._read_orders():
                self._count[name] += 1
                self._at(name, "before")

    def has_ended(self, name: str) -> None:
        with _lock:
            if self._read_orders() and self._count[name]:
                self._at(name, "after")

    def _read_orders(self) -> bool:
        try:
            at = ORDERS.stat().st_mtime_ns
        except FileNotFoundError:
            return False
        if at != self._orders_at:
            self._orders = json.loads(ORDERS.read_text())
            self._orders_at = at
            self._count.clear()
        return True

    def _at(self, name: str, when: str) -> None:
        step = {"name": name, "number": self._count[name], "when": when}
        with SEEN.open("a") as seen:
            print(json.dumps(step), file=seen)
        if all(step[key] == value for key, value in self._orders["die"].items()):
            os.kill(os.getpid(), signal.SIGKILL)


steps = Steps()


def watch_commits() -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine
    from sqlalchemy.orm import Session

    writes: dict[int, list[str]] = {}
    ending: list[str] = []

    def wrote(
        connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any
    ) -> None:
        if match := _WRITE.match(statement):
            told = f"{match[1].split()[0]} {match[2]}"
            if match[2] == "spawners":
                found = (each.search(str(parameters)) for each in _STATE)
                told += next((f" {state[1]}" for state in found if state), "")
            known = writes.setdefault(id(connection), [])
            if told not in known:
                known.append(told)

    def commits(connection: Any) -> None:
        if written := writes.pop(id(connection), None):
            if all(" ec2spawner_" in each for each in written):
                # By an engine and a thread of its own, when there is something to book.
                steps.begins(LEDGER)
                return
            ending.append("commit: " + ", ".join(written))
            steps.begins(ending[-1])

    def committed(session: Any) -> None:
        while ending:
            steps.has_ended(ending.pop())

    event.listen(Engine, "before_cursor_execute", wrote)
    event.listen(Engine, "commit", commits)
    event.listen(Engine, "rollback", lambda connection: writes.pop(id(connection), 0))
    event.listen(Session, "after_commit", committed)


def watch_calls() -> None:
    from botocore import handlers

    def begins(request: Any, event_name: str, **rest: Any) -> None:
        steps.begins("call: " + event_name.split(".")[-1])

    def has_ended(event_name: str, **rest: Any) -> None:
        steps.has_ended("call: " + event_name.split(".")[-1])

    # Every session of botocore registers these when it is made.
    for service in ("ec2", "ssm"):
        handlers.BUILTIN_HANDLERS.append((f"before-send.{service}", begins))
        handlers.BUILTIN_HANDLERS.append((f"response-received.{service}", has_ended))


def watch() -> None:
    watch_commits()
    watch_calls()
