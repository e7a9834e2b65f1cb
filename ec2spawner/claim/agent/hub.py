"""What the agent says to the Hub."""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from typing import Any, NoReturn

from .wire import Answer, request
from .words import Failed, say

#: for how long a Hub is told again what it refuses: right after its start it may not
#: know all launches yet, and one that has lost its database never will
REFUSED_SECONDS = 600.0


class Hub:
    """The two things a machine says to the Hub."""

    def __init__(self, config: dict[str, Any], address: str, machine_key: str) -> None:
        self.config = config
        self.address = address
        self.identity = {"launch_id": config["launch_id"], "machine_key": machine_key}

    def post(self, what: str, body: dict[str, Any]) -> Answer:
        url = self.config["hub_api_url"].rstrip("/") + "/ec2spawner/" + what
        data = json.dumps(dict(body, **self.identity)).encode()
        headers = {"Content-Type": "application/json"}
        return request("POST", url, data, headers, source=self.address)

    def claim(self) -> dict[str, Any]:
        """The orders. Retries while the Hub is away, up to the claim's limit.

        So it does for whatever is not the Hub's own answer, in full. The Hub may ask
        for patience: then it knows us, and the limit begins anew.
        """
        deadline = time.monotonic() + self.config["claim_timeout"]
        wait, said = 0.25, ""
        while True:
            try:
                answer = self.post("claim", {"nonce": self.config["nonce"]})
                if orders := orders_in(answer):
                    return orders
                why = "HTTP %i" % answer.status
                if not answer.ours:
                    why += ", which is not the Hub's"
                elif answer.status == 202:
                    why = "the orders are not ready yet"
                    deadline = time.monotonic() + self.config["claim_timeout"]
                elif answer.status in (400, 409):
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


def orders_in(answer: Answer) -> dict[str, Any]:
    """The orders in an answer to the claim; empty when it is none, or half of one."""
    if answer.status == 200 and answer.ours:
        try:
            orders = json.loads(answer.body)
        except ValueError:
            return {}
        if isinstance(orders, dict) and "command" in orders:
            return orders
    return {}


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
