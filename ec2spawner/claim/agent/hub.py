"""What a machine asks the Hub."""

from __future__ import annotations

import json
import random
import ssl
import time
from typing import Any

from .wire import Answer, request
from .words import Failed, say

# Seconds before the first repetition of a claim.
FIRST_WAIT = 0.25


class Hub:
    """The Hub, as this machine reaches it."""

    def __init__(self, config: dict[str, Any], address: str, machine_key: str) -> None:
        self.config = config
        self.address = address
        self.identity = {"launch_id": config["launch_id"], "machine_key": machine_key}
        ca = config.get("hub_ca")
        # Nobody else, whoever the image believes.
        self.trust = ssl.create_default_context(cadata=ca) if ca else None

    def post(self, what: str, body: dict[str, Any], as_root: bool = False) -> Answer:
        url = self.config["hub_api_url"].rstrip("/") + "/ec2spawner/" + what
        data = json.dumps(dict(body, **self.identity)).encode()
        headers = {"Content-Type": "application/json"}
        return request(
            "POST", url, data, headers, self.address, 15, as_root, self.trust
        )

    def claim(self, booted: bool, identity: str = "") -> dict[str, Any]:
        """The orders. Retries while the Hub is away, up to the claim's limit.

        So it does for whatever is not the Hub's own answer, in full. The Hub may ask
        for patience: then it knows us, and the limit begins anew.

        :param booted: no server of ours can be in memory
        :param identity: this machine's document, signed by EC2; empty without one
        """
        deadline = time.monotonic() + self.config["claim_timeout"]
        claim = {"nonce": self.config["nonce"], "booted": booted, "identity": identity}
        wait, said = FIRST_WAIT, ""
        while True:
            try:
                answer = self.post("claim", claim, as_root=True)
                if orders := orders_in(answer):
                    return orders
                why = "HTTP %i" % answer.status
                if not answer.ours:
                    why += ", which is not the Hub's"
                elif answer.status == 202:
                    why = "the orders are not ready yet"
                    deadline = time.monotonic() + self.config["claim_timeout"]
                    wait = FIRST_WAIT  # the Hub has held the question meanwhile
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
