"""What the agent tells the Hub of its work."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, NoReturn

from ..hub import Hub
from ..wire import Answer
from ..words import say

#: for how long a Hub is told again what it refuses: right after its start it may not
#: know all launches yet, and one that has lost its database never will
REFUSED_SECONDS = 600.0


class Reporter(threading.Thread):
    """Sends reports in order, each until it is heard; the work does not wait."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(daemon=True)
        self.hub = hub
        self.began = time.monotonic()
        self.reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self.start()

    def report(self, step: str, message: str = "", log: str = "") -> None:
        say(step + (": " + message if message else ""))
        report: dict[str, Any] = {"step": step, "message": message[:500]}
        report["log"] = log[-4000:]
        report["seconds"] = round(time.monotonic() - self.began, 2)
        self.reports.put(report)

    def run(self) -> NoReturn:
        while True:
            self.deliver(self.reports.get())
            self.reports.task_done()

    def deliver(self, report: dict[str, Any]) -> None:
        """Say it until the Hub itself has heard it, or has refused it for long."""
        wait, refused = 0.5, 0.0
        while refused < REFUSED_SECONDS:
            try:
                answer = self.hub.post("report", report)
            except OSError:
                answer = Answer(0, b"")
            if answer.ours and answer.status in (204, 400, 413):
                return
            time.sleep(wait)
            if answer.ours and answer.status == 403:
                refused += wait
                wait = min(wait * 2, 60)
            else:
                wait = min(wait * 2, 10)
        say("the Hub does not want to know: " + report["step"])

    def flush(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.reports.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.1)
