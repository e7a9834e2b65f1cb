"""How a machine asks for its orders, whoever answers from between it and the Hub."""

import http.server
import json
import os
import threading

import pytest

from ec2spawner.claim.agent import hub
from ec2spawner.claim.agent.words import Failed
from ec2spawner.claim.agent.work.reporter import Reporter

CONFIG = {
    "launch_id": "l",
    "nonce": "n",
    "claim_timeout": 100,
    "hub_api_url": "http://hub/api",
}
ORDERS = {"command": ["jupyterhub-singleuser"], "env": {}}
OURS = {"X-EC2Spawner": "1", "Content-Type": "application/json"}
PAGE = b"<html><body>Please log in to the campus network</body></html>"


class Web(http.server.ThreadingHTTPServer):
    """Answers what a test says, the last of it again and again; None cuts the line.

    An answer is (status, headers, body); a body that is longer than it says is cut.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers, self.asked, self.ports = [], [], []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%i/api" % self.server_port


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(json.loads(body))
        self.server.ports.append(self.client_address[1])
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer is None:
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *about):
        pass


@pytest.fixture
def web():
    made = Web()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only while the agent sleeps."""
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    monkeypatch.setattr(hub.time, "sleep", sleep)  # everybody's
    monkeypatch.setattr(hub.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def machine(web, clock):
    return hub.Hub(dict(CONFIG, hub_api_url=web.url), "127.0.0.1", "key")


def ours(status, what=None):
    return status, OURS, json.dumps(what or {}).encode()


GOOD = ours(200, ORDERS)
FOREIGN = {
    "no connection": None,
    "a page": (200, {"Content-Type": "text/html"}, PAGE),
    "JSON of somebody else": (200, {}, json.dumps(ORDERS).encode()),
    "an empty answer": (200, {}, b""),
    "nothing": (204, {}, b""),
    "a redirect": (302, {"Location": "http://127.0.0.1:1/login"}, b""),
    "a moved page": (308, {"Location": "http://127.0.0.1:1/login"}, PAGE),
    "a bad request": (400, {}, PAGE),
    "log in": (401, {}, PAGE),
    "forbidden": (403, {}, PAGE),
    "not found": (404, {}, PAGE),
    "a conflict": (409, {}, PAGE),
    "gone": (410, {}, PAGE),
    "too large": (413, {}, PAGE),
    "too many": (429, {"Retry-After": "1"}, PAGE),
    "an error": (500, {}, PAGE),
    "a bad gateway": (502, {}, PAGE),
    "unavailable": (503, {}, PAGE),
}
OUR_OWN_THAT_PASS = {
    # The Hub may not have seen the machine's address at EC2 yet.
    "not yours yet": ours(403),
    "too many for us": ours(429),
    "our error": ours(500),
    "not yet": ours(503),
    "empty": (200, OURS, b""),
    "cut by the Hub's end": (200, {**OURS, "Content-Length": "500"}, GOOD[2]),
    "half of it": (200, OURS, GOOD[2][:20]),
    "no orders": ours(200, {"message": "hello"}),
    "a list": ours(200, ["command"]),
}
PASSING = {**FOREIGN, **OUR_OWN_THAT_PASS}
passing = pytest.mark.parametrize("answer", PASSING.values(), ids=PASSING)


# -- the claim ---------------------------------------------------------------------


def test_orders_that_are_being_made_are_asked_for_again_at_once(machine, web, clock):
    """The Hub itself holds each such question until there is something to say."""
    web.answers += [ours(202)] * 20 + [GOOD]
    assert machine.claim(booted=True) == ORDERS
    assert clock[0] < 20 * 0.4


@passing
def test_what_may_pass_is_asked_again(machine, web, answer):
    web.answers += [answer, answer, GOOD]
    assert machine.claim(booted=True) == ORDERS
    assert [asked["nonce"] for asked in web.asked] == ["n"] * 3


@passing
def test_what_does_not_pass_ends_within_the_limit(machine, web, clock, answer):
    web.answers.append(answer)
    with pytest.raises(Failed, match="no answer to the claim"):
        machine.claim(booted=True)
    # The pauses are random within a third.
    assert 90 < clock[0] <= CONFIG["claim_timeout"] * 1.03


@pytest.mark.parametrize("final", [400, 409])
def test_a_refusal_by_the_hub_is_not_asked_again(machine, web, final):
    web.answers += [ours(final), GOOD]
    with pytest.raises(Failed, match="refused the claim"):
        machine.claim(booted=True)
    assert len(web.asked) == 1


def test_patience_that_the_hub_asks_for_begins_the_limit_anew(machine, web):
    machine.config["claim_timeout"] = 10
    web.answers += [ours(202)] * 100 + [GOOD]
    assert machine.claim(booted=True) == ORDERS


def test_patience_that_somebody_else_asks_for_does_not(machine, web):
    web.answers.append((202, {}, PAGE))
    with pytest.raises(Failed, match="no answer to the claim"):
        machine.claim(booted=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has such ports")
def test_a_claim_comes_from_a_port_that_no_users_program_can_have(machine, web):
    web.answers += [ours(503), GOOD, ours(204)]
    machine.claim(booted=True)
    machine.post("report", {})
    *claims, report = web.ports
    assert all(port < 1024 for port in claims) and report >= 1024


# -- reports -----------------------------------------------------------------------


def delivered(machine, web, clock, *answers):
    """Report something, and hear how often it was said until it was given up."""
    web.answers += [*answers, ours(204)]
    reporter = Reporter.__new__(Reporter)
    reporter.hub = machine
    reporter.deliver({"step": "ready", "message": "", "log": "", "seconds": 1})
    return len(web.asked)


@passing
def test_a_report_is_repeated_until_the_hub_has_heard_it(machine, web, clock, answer):
    assert delivered(machine, web, clock, answer, answer) == 3


def test_a_report_that_the_hub_does_not_understand_is_not_repeated(machine, web, clock):
    assert delivered(machine, web, clock, ours(400)) == 1


def test_a_hub_that_refuses_a_report_for_good_is_not_asked_for_ever(
    machine, web, clock
):
    """It has forgotten the launch. Right after its start it may not know it yet."""
    assert 5 < delivered(machine, web, clock, *[ours(403)] * 200) < 100
    assert clock[0] >= 600
