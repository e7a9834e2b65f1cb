"""What the agent says to the Hub."""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from typing import Any, NoReturn

from .wire import request
from .words import Failed, say


class Hub:
    """The two things a machine says to the Hub."""

    def __init__(self, config: dict[str, Any], address: str, machine_key: str) -> None:
        self.config = config
        self.address = address
        self.identity = {"launch_id": config["launch_id"], "machine_key": machine_key}

    def post(self, what: str, body: dict[str, Any]) -> tuple[int, bytes]:
        url = self.config["hub_api_url"].rstrip("/") + "/ec2spawner/" + what
        data = json.dumps(dict(body, **self.identity)).encode()
        headers = {"Content-Type": "application/json"}
        return request("POST", url, data, headers, source=self.address)

    def claim(self) -> dict[str, Any]:
        """The orders. Retries while the Hub is away, up to the claim's limit.

        The Hub may ask for patience: then it knows us, and the limit begins anew.
        """
        deadline = time.monotonic() + self.config["claim_timeout"]
        wait, said = 0.25, ""
        while True:
            try:
                status, body = self.post("claim", {"nonce": self.config["nonce"]})
                if status == 200:
                    orders: dict[str, Any] = json.loads(body)
                    return orders
                why = "HTTP %i" % status
                if status == 202:
                    why = "the orders are not ready yet"
                    deadline = time.monotonic() + self.config["claim_timeout"]
                if status in (400, 409):
                    raise Failed("the Hub refused the claim: " + why)
            except OSError as e:
                why = repr(e)
            if why != said:
                say("claiming from %s: %s" % (self.config["hub_api_url"], why))
                said = why
            if time.monotonic() + wait > deadline:
                raise Failed("no answer to the claim within its limit")
            time.sleep(wait * random.uniform(0.7, 1.3))
            wait = min(wait * 1.5, 5)


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
            report, wait = self.reports.get(), 0.5
            while True:
                try:
                    status, _ = self.hub.post("report", report)
                    if status < 500:
                        break
                except OSError:
                    pass
                time.sleep(wait)
                wait = min(wait * 2, 10)
            self.reports.task_done()

    def flush(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.reports.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.1)
