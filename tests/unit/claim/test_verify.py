import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.claim.messages import (
    BODY_LIMIT,
    Claim,
    Heartbeat,
    Report,
    SchemaError,
    Step,
)
from ec2spawner.claim.verify import (
    Verdict,
    is_roots,
    judge_claim,
    may_report,
    same_address,
)
from ec2spawner.core.ids import secret_hash
from ec2spawner.core.state import Launch, Phase, Wish

NOW = 1_000_000.0
CLAIM = Claim("launch", "nonce", "key")
REPORT = Report("launch", "key", Step.READY, "", "", 1.0)
BOOTING = Launch(
    start_id="start",
    id="launch",
    phase=Phase.BOOTING,
    nonce_hash=secret_hash("nonce"),
    private_ip="10.0.0.5",
    launched_at=NOW - 30,
)
CLAIMED = dataclasses.replace(
    BOOTING,
    phase=Phase.CLAIMED,
    claimed_at=NOW - 5,
    machine_key_hash=secret_hash("key"),
)


def judge(launch=BOOTING, claim=CLAIM, source="10.0.0.5", now=NOW):
    return judge_claim(launch, claim, source, now, claim_timeout=480)


def test_the_machine_of_the_launch_gets_its_orders():
    assert judge() is Verdict.FIRST


def test_the_key_of_a_machine_that_was_ready_is_known_before_its_orders():
    given = dataclasses.replace(BOOTING, machine_key_hash=CLAIMED.machine_key_hash)
    assert judge(given) is Verdict.FIRST
    assert judge(given, Claim("launch", "nonce", "other key")) is Verdict.TAKEN


@pytest.mark.parametrize("source", ["10.0.0.6", "", "localhost", "::1", "10.0.0.50"])
def test_no_other_address_does(source):
    assert judge(source=source) is Verdict.REFUSED


@pytest.mark.parametrize(
    "claim",
    [
        Claim("launch", "", "key"),
        Claim("launch", "nonc", "key"),
        Claim("launch", secret_hash("nonce"), "key"),
        Claim("other", "nonce", "key"),
    ],
)
def test_neither_does_a_wrong_nonce_or_launch(claim):
    assert judge(claim=claim) is Verdict.REFUSED


def test_a_machine_that_is_faster_than_ec2s_answer_is_told_to_wait():
    requested = dataclasses.replace(BOOTING, phase=Phase.REQUESTED, private_ip="")
    assert judge(requested) is Verdict.NOT_YET


def test_a_stranger_without_the_nonce_does_not_learn_even_that():
    requested = dataclasses.replace(BOOTING, phase=Phase.REQUESTED, private_ip="")
    assert judge(requested, Claim("launch", "?", "key")) is Verdict.REFUSED


def test_a_claim_after_its_limit_is_refused():
    assert judge(now=NOW + 480) is Verdict.REFUSED


def test_a_server_that_is_being_stopped_gives_no_orders():
    for wish in (Wish.KEEP, Wish.END):
        stopping = dataclasses.replace(BOOTING, wish=wish)
        assert judge(stopping) is Verdict.REFUSED


def test_a_machine_whose_end_is_confirmed_gets_no_orders():
    over = dataclasses.replace(BOOTING, phase=Phase.OVER)
    assert judge(over) is Verdict.REFUSED


@pytest.mark.parametrize("phase", [Phase.CLAIMED, Phase.READY])
def test_the_same_machine_may_ask_again_whenever_it_boots(phase):
    ordered = dataclasses.replace(CLAIMED, ordered_at=NOW, phase=phase)
    assert judge(ordered, now=NOW + 30 * 86400) is Verdict.REPEAT
    thief = Claim("launch", "nonce", "another key")
    assert judge(ordered, claim=thief, now=NOW + 3600) is Verdict.TAKEN


def test_a_machine_that_boots_again_gets_nothing_once_its_server_is_to_stop():
    for wish in (Wish.KEEP, Wish.END):
        assert judge(dataclasses.replace(CLAIMED, wish=wish)) is Verdict.REFUSED
    over = dataclasses.replace(CLAIMED, phase=Phase.OVER)
    assert judge(over) is Verdict.REFUSED


@pytest.mark.parametrize(
    "port, roots", [(0, False), (1, True), (1023, True), (1024, False), (65535, False)]
)
def test_a_port_below_1024_is_one_of_roots(port, roots):
    assert is_roots(port) is roots


def test_another_with_the_same_nonce_and_address_comes_too_late():
    assert judge(CLAIMED, Claim("launch", "nonce", "other key")) is Verdict.TAKEN


def test_after_the_claim_the_nonce_is_worthless_from_elsewhere():
    assert judge(CLAIMED, source="10.0.0.6") is Verdict.REFUSED


def test_a_launch_without_a_recorded_nonce_cannot_be_claimed():
    launch = dataclasses.replace(BOOTING, nonce_hash="")
    assert judge(launch, Claim("launch", "", "")) is Verdict.REFUSED


def test_only_the_machine_with_the_orders_may_report():
    assert may_report(CLAIMED, REPORT, "10.0.0.5")
    assert not may_report(BOOTING, REPORT, "10.0.0.5")
    assert not may_report(CLAIMED, REPORT, "10.0.0.6")
    wrong_key = dataclasses.replace(REPORT, machine_key="nonce")
    assert not may_report(CLAIMED, wrong_key, "10.0.0.5")
    other_launch = dataclasses.replace(REPORT, launch_id="other")
    assert not may_report(CLAIMED, other_launch, "10.0.0.5")


def test_an_ipv4_peer_of_a_dual_stack_socket_is_recognised():
    assert same_address("::ffff:10.0.0.5", "10.0.0.5")
    assert same_address("fd00::5", "fd00:0:0::5")
    assert not same_address("", "")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(json_values | st.binary(max_size=50))
def test_any_other_body_is_not_a_claim_or_a_report(value):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    for schema in (Claim, Report):
        with pytest.raises(SchemaError):
            schema.from_json(body)


GOOD_REPORT = {
    "launch_id": "l",
    "machine_key": "k",
    "step": "ready",
    "message": "",
    "log": "",
    "seconds": 1,
}


def test_a_good_report_is_understood():
    report = Report.from_json(json.dumps(GOOD_REPORT).encode())
    assert (report.step, report.seconds) == (Step.READY, 1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"step": "promote"},
        {"seconds": "1"},
        {"seconds": True},
        {"message": None},
        {"log": ["x"]},
    ],
)
def test_a_report_with_anything_else_in_its_fields_is_not(change):
    with pytest.raises(SchemaError):
        Report.from_json(json.dumps({**GOOD_REPORT, **change}).encode())


@pytest.mark.parametrize("schema", [Claim, Heartbeat, Report])
def test_what_a_later_agent_says_beside_changes_nothing(schema):
    fields = {**GOOD_REPORT, "nonce": "n"}
    more = {**fields, "ip": "10.0.0.9", "phase": {"READY": None}, "\ud800": [1]}
    plain, later = (schema.from_json(json.dumps(f).encode()) for f in (fields, more))
    assert plain == later


@pytest.mark.parametrize("schema", [Claim, Heartbeat, Report])
def test_a_message_without_its_launch_is_none(schema):
    fields = {**GOOD_REPORT, "nonce": "n"}
    del fields["launch_id"]
    with pytest.raises(SchemaError):
        schema.from_json(json.dumps(fields).encode())


def test_a_large_body_is_not_even_read():
    body = json.dumps({**GOOD_REPORT, "log": "x" * BODY_LIMIT}).encode()
    with pytest.raises(SchemaError, match="too large"):
        Report.from_json(body)
