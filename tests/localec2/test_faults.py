"""Things that go wrong on demand, for the calls they are meant for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
)

from localec2 import AWS_THROTTLE, Fault, LocalControl
from localec2.client import ControlError

from .conftest import client, eventually, refused, request_for

CUT = (ConnectionClosedError, EndpointConnectionError, HTTPClientError)


def retrying(cloud):
    return client(cloud, config=Config(retries={"total_max_attempts": 3}))


def running(cloud) -> int:
    return len(
        [m for m in cloud.control.machines() if m.state in ("pending", "running")]
    )


def test_an_error_as_often_as_asked(cloud, ec2, world):
    code = "InsufficientInstanceCapacity"
    cloud.control.add_fault(Fault("RunInstances", error=(code, 500), times=2))
    before = running(cloud)
    for _ in range(2):
        got = refused(ec2.run_instances, **request_for(world))
        assert got[:2] == (code, 500)
    assert running(cloud) == before
    assert cloud.control.faults() == []


def test_an_error_only_for_matching_parameters(cloud, ec2, world, launch):
    zone = world.zones[1]
    cloud.control.add_fault(
        Fault(
            "RunInstances",
            error=("Unsupported", 400, "not here"),
            match={"SubnetId": world.subnet_ids[zone], "InstanceType": "m5.*"},
        )
    )
    wanted = request_for(world, SubnetId=world.subnet_ids[zone])
    assert refused(ec2.run_instances, **wanted) == ("Unsupported", 400, "not here")
    launch(SubnetId=world.subnet_ids[zone], InstanceType="c5.large")
    launch()


def test_a_fault_stays_until_it_is_cleared(cloud, ec2):
    number = cloud.control.add_fault(Fault("Describe*", error=("Unavailable", 503)))
    for _ in range(3):
        assert refused(ec2.describe_instances)[:2] == ("Unavailable", 503)
    cloud.control.clear_faults(number)
    ec2.describe_instances()


def test_a_lost_answer_and_a_retry_give_one_instance(cloud, world, launch):
    """The work is done, the answer is lost, botocore asks again by itself."""
    cloud.control.add_fault(Fault("RunInstances", lose_answer=True, times=1))
    before = running(cloud)
    cloud.control.clear_requests()
    mine = retrying(cloud)
    made = mine.run_instances(**request_for(world))["Instances"]
    assert running(cloud) == before + 1
    sent = cloud.control.requests("RunInstances")
    assert [entry.error for entry in sent] == ["AnswerLost", None]
    assert sent[0].instance_ids == [made[0]["InstanceId"]]
    mine.terminate_instances(InstanceIds=[made[0]["InstanceId"]])


def test_without_a_retry_a_lost_answer_leaves_an_instance_nobody_knows(
    cloud, ec2, world
):
    cloud.control.add_fault(Fault("RunInstances", lose_answer=True, times=1))
    before = running(cloud)
    with pytest.raises(CUT):
        ec2.run_instances(**request_for(world, ClientToken="lost"))
    assert running(cloud) == before + 1
    asked = [{"Name": "client-token", "Values": ["lost"]}]
    found = ec2.describe_instances(Filters=asked)["Reservations"][0]["Instances"]
    ec2.terminate_instances(InstanceIds=[found[0]["InstanceId"]])


def test_a_lost_request_does_nothing(cloud, ec2, world):
    cloud.control.add_fault(Fault("RunInstances", lose_request=True, times=1))
    before = running(cloud)
    with pytest.raises(CUT):
        ec2.run_instances(**request_for(world))
    assert running(cloud) == before


def test_an_outage_hits_every_call_of_every_service(cloud, ec2):
    cloud.control.add_fault(Fault("*", lose_request=True))
    with pytest.raises(CUT):
        ec2.describe_instances()
    with pytest.raises(CUT):
        client(cloud, "ssm").describe_parameters()
    cloud.control.clear_faults()
    cloud.control.add_fault(Fault("*", error=("Unavailable", 503), service="ec2"))
    assert refused(ec2.describe_regions)[:2] == ("Unavailable", 503)
    client(cloud, "ssm").describe_parameters()
    cloud.control.clear_faults()
    ec2.describe_instances()


def others_come_first(cloud, world, kind: str, seconds: float) -> bool:
    """Whether others are answered before a launch that is delayed."""
    cloud.control.add_fault(Fault("RunInstances", times=1, **{kind: seconds}))
    mine = client(cloud)
    slow_is_done = threading.Event()

    def slow() -> str:
        answer = mine.run_instances(**request_for(world))
        slow_is_done.set()
        return str(answer["Instances"][0]["InstanceId"])

    with ThreadPoolExecutor(1) as pool:
        cloud.control.clear_requests()
        pending = pool.submit(slow)
        eventually(lambda: cloud.control.requests("RunInstances"))
        mine.describe_instances()
        first = not slow_is_done.is_set()
        # With delay_answer the work is done long before the answer is there.
        found = cloud.control.requests("RunInstances")[0].instance_ids
        mine.terminate_instances(InstanceIds=[pending.result()])
    assert not first or bool(found) == (kind == "delay_answer")
    return first


@pytest.mark.parametrize("kind", ["delay", "delay_answer"])
def test_a_delay_of_one_call_does_not_hold_up_others(cloud, world, kind):
    """Were they held up, they would end after the delayed launch, however long it is.

    On a busy computer a short delay is over before anything else is done.
    """
    assert any(others_come_first(cloud, world, kind, s) for s in (1.0, 5.0, 25.0))


@pytest.mark.proves("throttling")
def test_the_sixth_launch_at_once_is_throttled(cloud, ec2, world):
    size, refill = AWS_THROTTLE["RunInstances"]
    assert (size, refill) == (5, 2)
    # So slow a refill that a busy computer does not make a difference.
    cloud.control.change_settings(throttle={**AWS_THROTTLE, "RunInstances": (5, 0.01)})
    bad = request_for(world, InstanceType="m5.tiny")  # costs a token all the same
    codes = [refused(ec2.run_instances, **bad)[:2] for _ in range(7)]
    assert codes[:5] == [("InvalidParameterValue", 400)] * 5
    assert codes[5:] == [("RequestLimitExceeded", 503)] * 2
    ec2.describe_instances()


@pytest.mark.proves("throttling")
def test_a_bucket_fills_up_again(cloud, ec2):
    # So slowly that a computer with much else to do can empty it.
    cloud.control.change_settings(throttle={"DescribeInstances": (1, 0.3)})

    def answers() -> bool:
        try:
            ec2.describe_instances()
        except ClientError:
            return False
        return True

    for _ in range(2):
        eventually(lambda: not answers())
        eventually(answers)


def test_botocore_repeats_what_was_throttled(cloud):
    code = ("RequestLimitExceeded", 503)
    cloud.control.add_fault(Fault("DescribeInstances", error=code, times=2))
    retrying(cloud).describe_instances()
    assert cloud.control.faults() == []


def test_everything_that_was_asked_is_in_the_log(cloud, ec2, world, launch):
    import gzip

    cloud.control.clear_requests()
    script = b"#!/bin/sh\n# secret-in-user-data\nexec sleep 1000\n"
    made = launch(UserData=gzip.compress(script), ClientToken="logged")
    entry = cloud.control.requests("RunInstances")[-1]
    assert entry.user_data == script.decode()
    assert entry.params["ClientToken"] == "logged"
    assert entry.params["SubnetId"] == made["SubnetId"]
    assert (entry.status, entry.service) == (200, "ec2")
    assert "Boto3" in entry.user_agent
    refused(ec2.run_instances, **request_for(world, ImageId="ami-nonsense"))
    assert cloud.control.requests()[-1].error == "InvalidAMIID.Malformed"
    client(cloud, "ssm").get_parameter(Name=world.image_parameter)
    assert cloud.control.requests()[-1].action == "GetParameter"
    text = cloud.control.requests_text()
    assert "secret-in-user-data" in text and world.image_parameter in text


def test_nonsense_is_refused_with_a_sentence(cloud):
    with pytest.raises(ControlError, match="unknown settings: colour"):
        cloud.control.change_settings(colour="red")
    with pytest.raises(ControlError, match="no instance i-nothing"):
        cloud.control.crash("i-nothing")
    with pytest.raises(ControlError, match="no such control"):
        LocalControl(cloud.endpoint_url)._call("GET", "nothing")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Host": "evil.example"},
        {},
    ],
    ids=["a page's script", "a rebound name", "a form"],
)
def test_web_pages_cannot_use_it(cloud, headers):
    import urllib.error
    import urllib.request

    for path in ("/", "/_local/machines"):
        request = urllib.request.Request(
            cloud.endpoint_url + path, headers=headers, data=b"Action=RunInstances"
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        assert caught.value.code == 403


def test_a_blackhole_needs_machines_with_a_network_of_their_own(cloud, launch):
    made = launch()["InstanceId"]
    with pytest.raises(ControlError, match="needs machines that boot"):
        cloud.control.blackhole(made, "hub")
    with pytest.raises(ControlError, match="a blackhole is one of"):
        cloud.control.blackhole(made, "hole")
