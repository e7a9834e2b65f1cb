"""What programs read by ``--json`` is what the page of it names."""

import dataclasses
import re

import pytest

from ec2spawner.admin.cost import _row
from ec2spawner.admin.doctor.rows.check import ok
from ec2spawner.admin.explain import Row
from ec2spawner.admin.ls.homes import HomeRow
from ec2spawner.admin.prices import Line as PriceLine
from ec2spawner.admin.sweep import Found
from ec2spawner.admin.teardown.owned import Kind, Owned
from ec2spawner.costs.report import Line
from ec2spawner.costs.spent import Spent
from ec2spawner.ec2.clients import Account
from ec2spawner.ec2.machines import Machine

from .configs import DOCS

PAGE = (DOCS / "reference" / "json.md").read_text()
SECTIONS = {
    re.findall("`(.*?)`", head)[0]: text
    for head, _, text in (part.partition("\n") for part in PAGE.split("\n## ")[1:])
}


def made(cls, **known):
    """One with nothing in it but what is known."""
    blank = {f.name: f.default for f in dataclasses.fields(cls)}
    empty = {k: None if v is dataclasses.MISSING else v for k, v in blank.items()}
    return cls(**{**empty, **known})


FOUND = Found(Account("us-west-2"), Machine("i-1", "running"), "")
OBJECTS = [
    ("ec2spawner ls", made(Row, launched_at=0.0, lease_until=0.0).to_dict()),
    ("ec2spawner ls", made(HomeRow).to_dict()),
    ("ec2spawner sweep", FOUND.to_dict("ended")),
    ("ec2spawner cost", _row(made(Line, spent=Spent(), hours=0.0))),
    ("ec2spawner doctor", ok("subnets", "", "").to_dict()),
    ("ec2spawner teardown", Owned(Kind.MACHINE, "i-1", "us-west-2").to_dict()),
    ("ec2spawner prices", PriceLine("us-west-2", "t3.small", "hour", None).to_dict()),
]


@pytest.mark.parametrize("command, found", OBJECTS)
def test_each_key_is_named(command, found):
    assert set(found) <= set(re.findall("`([a-z_]+)`", SECTIONS[command]))


@pytest.mark.parametrize("command", sorted({command for command, _ in OBJECTS}))
def test_no_key_is_named_that_there_is_not(command):
    """Of the tables, which have keys in their first column."""
    rows = re.findall(r"(?m)^\| `([a-z_]+)`", SECTIONS[command])
    keys = {key for name, found in OBJECTS if name == command for key in found}
    assert set(rows) <= keys | {
        *("hub_id", "at", "database", "trouble", "machines", "left_over", "homes")
    }
