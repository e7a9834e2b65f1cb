"""Whatever a body holds, it is a message or a SchemaError."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.claim.messages import Claim, Heartbeat, Report, SchemaError
from ec2spawner.core.idleness import Seen

IDS = {"launch_id": "launch", "machine_key": "key"}
CLAIM = {**IDS, "nonce": "nonce"}
REPORT = {**IDS, "step": "warning", "message": "", "log": "", "seconds": 1}
SEEN = {
    "human_idle": 9,
    "compute_idle": 0.5,
    "why_active": ["python uses 3.1 CPUs"],
    "sees_people": True,
    "keep": 17.0,
}
BEAT = {**IDS, "seen": SEEN}
GOOD = {Claim: CLAIM, Heartbeat: BEAT, Report: REPORT}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(st.characters(exclude_categories=())),
)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=5
)
HOSTILE = [
    b"",
    b"{",
    b"[" * 16_000,
    b'{"a":' * 3_000,
    b"\xff\xfe\x00\xd8",
    b"9" * 5_000,
    b"NaN",
    b"null",
    b"\x00" * 100,
    b"x" * 65_537,
]


@pytest.mark.parametrize("schema", GOOD)
@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:12]))
def test_a_hostile_body_is_a_schema_error(schema, body):
    with pytest.raises(SchemaError):
        schema.from_json(body)


@pytest.mark.parametrize("number", ["9" * 400, "1e999", "NaN", "-Infinity", "true"])
def test_what_is_no_number_of_seconds_is_a_schema_error(number):
    body = json.dumps(REPORT).replace(": 1}", f": {number}}}")
    assert number in body
    with pytest.raises(SchemaError):
        Report.from_json(body.encode())


@pytest.mark.parametrize("schema", GOOD)
def test_an_id_with_a_lone_surrogate_is_a_schema_error(schema):
    for name in GOOD[schema].keys() & {"launch_id", "machine_key", "nonce", "step"}:
        with pytest.raises(SchemaError):
            schema.from_json(json.dumps({**GOOD[schema], name: "\ud800"}).encode())


@given(st.sampled_from([*GOOD]), st.data())
def test_any_fields_are_a_message_or_a_schema_error(schema, data):
    names = st.sampled_from(sorted(GOOD[schema]))
    wrong = data.draw(st.dictionaries(names, VALUES, min_size=1))
    body = json.dumps({**GOOD[schema], **wrong}).encode()
    try:
        message = schema.from_json(body)
    except SchemaError:
        return
    repr(message).encode()


@given(st.sampled_from([*GOOD]), st.binary(max_size=200))
def test_any_bytes_are_a_schema_error(schema, body):
    with pytest.raises(SchemaError):
        schema.from_json(body)


def test_what_an_agent_writes_at_most_fits():
    log = {"message": "\U0001f680" * 500, "log": "\U0001f680" * 4_000}
    made = Report.from_json(json.dumps({**REPORT, **log}).encode())
    assert (len(made.message), len(made.log)) == (500, 4_000)


def test_what_a_machine_writes_is_cut_and_cleaned():
    report = {**REPORT, "message": "a\x1bb" + "x" * 900, "log": "\ud800c\n" * 1_000}
    made = Report.from_json(json.dumps(report).encode())
    assert made.message.startswith("a b") and len(made.message) == 500
    assert made.log.split("\n") == [" c"] * 30


def heartbeat(**changes):
    return Heartbeat.from_json(
        json.dumps({**IDS, "seen": {**SEEN, **changes}}).encode()
    )


def test_a_heartbeat_brings_what_the_machine_has_seen():
    seen = Seen(9, 0.5, ("python uses 3.1 CPUs",), True, 17.0)
    assert heartbeat().seen == heartbeat(later="field").seen == seen


@pytest.mark.parametrize("seen", [{}, {"seen": None}])
def test_an_agent_that_does_not_look_says_nothing(seen):
    assert Heartbeat.from_json(json.dumps({**IDS, **seen}).encode()).seen is None


@pytest.mark.parametrize(
    "changes",
    [
        *({name: -1} for name in ("human_idle", "compute_idle", "keep")),
        *({name: "9"} for name in ("human_idle", "compute_idle", "keep")),
        *({name: True} for name in ("human_idle", "compute_idle", "keep")),
        {"compute_idle": None},
        {"human_idle": 1e400},
        {"sees_people": 1},
        {"why_active": "python"},
        {"why_active": [7]},
    ],
    ids=str,
)
def test_what_cannot_have_been_seen_is_a_schema_error(changes):
    with pytest.raises(SchemaError):
        heartbeat(**changes)


def test_what_runs_on_a_machine_is_cut_and_cleaned():
    seen = heartbeat(why_active=["a\x1b[31m\u202eb\nc" + "x" * 900, *["d"] * 900]).seen
    assert seen.why_active[0].startswith("a [31m b c")
    assert len(seen.why_active[0]) == 60 and len(seen.why_active) == 5
