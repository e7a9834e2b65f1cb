"""Facts of a region, asked for once: and when again after no answer."""

from __future__ import annotations

import logging

import pytest
from botocore.exceptions import ClientError

from ec2spawner.ec2 import instance_types
from ec2spawner.ec2.errors.ec2_error import from_botocore


def client_error(code):
    response = {
        "Error": {"Code": code, "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": 503 if code == "Unavailable" else 403},
    }
    return ClientError(response, "DescribeSubnets")


class Moments:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize(
    "code, soon",
    [("Unavailable", True), ("RequestExpired", True), ("UnauthorizedOperation", False)],
)
async def test_after_trouble_that_passes_zones_are_asked_for_again_soon(
    monkeypatch, code, soon
):
    time, answers, asked = Moments(), [None], []
    monkeypatch.setattr(instance_types, "time", time)

    async def ask(names):
        asked.append(names)
        if answers and answers.pop() is None:
            raise from_botocore("DescribeSubnets", client_error(code))
        return dict.fromkeys(names, "us-west-2a")

    facts = instance_types._Facts(ask, logging.getLogger("test"))
    assert await facts.of(["subnet-a"]) == {}
    assert await facts.of(["subnet-a"]) == {} and len(asked) == 1
    time.now += 11
    assert await facts.of(["subnet-a"]) == ({"subnet-a": "us-west-2a"} if soon else {})
    time.now += 300
    assert await facts.of(["subnet-a"]) == {"subnet-a": "us-west-2a"}
    assert len(asked) == 2
