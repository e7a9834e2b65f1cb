import json

from ec2spawner.admin.doctor.page import as_json, as_text
from ec2spawner.admin.doctor.rows.check import ok, problem, warning
from ec2spawner.admin.doctor.rows.every import judge

from .well import FACTS, wants

BAD = problem("subnets", "a", "There is none.", "Nobody starts.", "aws ec2 " + "x" * 99)
ODD = warning("policy", "a", "It is wide. " * 9, "Thieves.", "")


def test_a_hub_that_is_well_is_one_screen():
    lines = as_text(judge(wants(), FACTS), 2.2).splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 100
    assert lines[-1].startswith(f"{len(judge(wants(), FACTS))} checks in 2 s:")
    assert "no problems" in lines[-1]


def test_rows_of_one_name_are_one_line_where_they_are_well():
    text = as_text([ok("image", "a", "x86_64"), ok("image", "b", "arm64")], 0)
    assert text.splitlines()[0] == "ok        image            a: x86_64; b: arm64"


def test_what_is_not_well_says_why_and_how_to_repair_it_in_a_line_to_copy():
    lines = as_text([ok("image", "", "there"), BAD], 1).splitlines()
    assert lines[1] == "PROBLEM   subnets          There is none."
    assert lines[2].strip() == "Why: Nobody starts."
    assert lines[3].strip() == f"Fix: aws ec2 {'x' * 99}"
    assert lines[-1] == "2 checks in 1 s: 1 ok, 1 problem."


def test_long_sentences_are_wrapped():
    text = as_text([ODD], 1)
    assert "Fix:" not in text
    assert max(map(len, text.splitlines())) <= 88
    assert "1 warning, no problems" in text


def test_programs_get_the_same():
    found = json.loads(as_json("lab-hub", [BAD, ODD]))
    assert (found["problems"], found["warnings"]) == (1, 1)
    assert found["checks"][0] == {
        "check": "subnets",
        "about": "a",
        "verdict": "problem",
        "says": "There is none.",
        "why": "Nobody starts.",
        "fix": BAD.fix,
    }


def test_every_row_has_something_to_say_of_a_hub():
    shown = {check.name for check in judge(wants(key_name="ada"), FACTS)}
    assert shown == {
        *("configuration", "credentials", "clock", "database", "hub-address"),
        *("subnets", "routes", "dns", "security-groups", "image", "key-pair"),
        *("sizes", "quota", "rights", "policy", "leftovers", "plan", "network-acls"),
    }
