"""Hostile bodies and floods at the routes of machines, from machines and strangers."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .scenarios import SETTINGS
from .test_claims import booted, orders, says, serve, silent, state  # noqa: F401

ROUTES = ("claim", "report", "heartbeat")
BODIES = st.one_of(
    st.binary(max_size=300),
    st.text(st.characters(exclude_categories=()), max_size=300).map(json.dumps),
    st.dictionaries(
        st.sampled_from(["launch_id", "machine_key", "nonce", "step", "seconds"]),
        st.text(st.characters(exclude_categories=())) | st.integers() | st.floats(),
    ).map(json.dumps),
)


def lines_of(log):
    """Every line that a log is told from now on."""
    lines = []

    class Lines(logging.Handler):
        def emit(self, record):
            lines.extend(record.getMessage().splitlines())

    log.addHandler(Lines(logging.INFO))
    log.setLevel(logging.INFO)
    return lines


def post(hub, route, body, address="10.0.0.9"):
    body = body if isinstance(body, bytes) else body.encode()
    uri = f"/hub/api/ec2spawner/{route}"
    return hub.run(hub.request("POST", uri, body, address=address))[0]


@pytest.fixture
def idle(world):
    hub = world.hub(**SETTINGS)
    hub.start()
    return hub


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example("report", b"[" * 16_000)
@example("claim", b'{"launch_id": "\\ud800", "nonce": "n", "machine_key": "k"}')
@example("report", b'{"seconds": ' + b"9" * 400 + b"}")
@example("heartbeat", b'{"launch_id": NaN, "machine_key": Infinity}')
@given(st.sampled_from(ROUTES), BODIES)
def test_a_body_that_is_no_message_is_refused_and_nothing_breaks(idle, route, body):
    assert post(idle, route, body) in (400, 403, 429)
    idle.pass_time(1)


def test_what_is_too_long_is_refused_before_it_is_read(idle):
    for route in ROUTES:
        assert post(idle, route, b"x" * 65_537) == 413


def test_who_asks_too_often_is_told_and_others_are_not(idle):
    answers = [post(idle, "heartbeat", b"{}") for _ in range(100)]
    assert set(answers) == {400, 429} and answers.count(400) < 80
    assert post(idle, "heartbeat", b"{}", address="10.0.0.10") == 400
    idle.pass_time(60)
    assert post(idle, "heartbeat", b"{}") == 400


@pytest.mark.parametrize("step", ["interruption", "setup", "warning", "account"])
def test_a_machine_that_reports_without_end_costs_next_to_nothing(
    silent, step  # noqa: F811
):
    hub = silent()
    machine = booted(hub)
    serve(hub, machine)
    hub.steps.clear()
    lines = lines_of(hub.spawners["alice"].log)
    told = len(hub.spawners["alice"]._start.progress.steps)
    answers = []
    for number in range(250):
        message = f"{number} \x1b[2J" * 100
        log = "line\n" * 500
        answers.append(says(hub, machine, step, message=message, log=log))
        hub.pass_time(0.02)
    assert set(answers) == {204, 429}
    # Fewer than an address may send: others may be behind the same one.
    assert answers.count(204) < 80
    assert hub.steps.count("commit") <= 5
    assert len(hub.spawners["alice"]._start.progress.steps) == told
    assert len(lines) <= 100 and bool(lines) == (step in ("interruption", "warning"))
    assert not any("\x1b" in line for line in lines)
    assert state(hub).current.ready_at


def test_a_setup_script_that_says_very_much_is_told_in_its_first_and_last_steps(
    silent,  # noqa: F811
):
    hub = silent(start_timeout=100_000)
    machine = booted(hub)
    orders(hub, machine)
    for number in range(320):
        assert says(hub, machine, "setup", message=str(number)) == 204
        hub.pass_time(1)
    steps = hub.spawners["alice"]._start.progress.steps
    assert len(steps) == 300 and steps[-1].message == "Setting up: 319"
    assert steps[0].number == 1
