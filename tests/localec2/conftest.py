"""One local EC2 for all tests here, with short times, and helpers to use it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localec2 import LocalCloudProcess, LocalSettings

#: times short enough to wait for and long enough to be seen
SETTINGS = LocalSettings(
    pending_seconds=0.05,
    stopping_seconds=0.05,
    shutting_down_seconds=0.05,
    volume_seconds=0.05,
    snapshot_seconds=0.05,
    regions=("eu-west-1",),
)


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloudProcess]:
    with LocalCloudProcess(SETTINGS) as started:
        yield started


@pytest.fixture(autouse=True)
def nothing_scripted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test begins with a cloud in which all goes well."""
    yield
    if "cloud" in request.fixturenames:
        control = request.getfixturevalue("cloud").control
        control.clear_faults()
        control.change_settings(**SETTINGS.as_dict())


@pytest.fixture(scope="session")
def world(cloud: LocalCloudProcess) -> Any:
    return cloud.control.resources()


def client(cloud: LocalCloudProcess, service: str = "ec2", **options: Any) -> Any:
    """boto3 as anybody has it, with an endpoint URL and without retries."""
    options.setdefault("config", Config(retries={"total_max_attempts": 1}))
    options.setdefault("region_name", cloud.region)
    return boto3.client(
        service,
        endpoint_url=cloud.endpoint_url,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        **options,
    )


@pytest.fixture(scope="session")
def ec2(cloud: LocalCloudProcess) -> Any:
    return client(cloud)


@pytest.fixture
def launch(
    cloud: LocalCloudProcess, ec2: Any, world: Any
) -> Iterator[Callable[..., dict[str, Any]]]:
    """Launch one machine; everything launched with it is terminated afterwards."""
    made: list[str] = []

    def run(**wanted: Any) -> dict[str, Any]:
        wanted = {**request_for(world), **wanted}
        answer = ec2.run_instances(**{k: v for k, v in wanted.items() if v is not None})
        instances: list[dict[str, Any]] = answer["Instances"]
        made.extend(each["InstanceId"] for each in instances)
        return instances[0]

    yield run
    cloud.control.clear_faults()
    cloud.control.change_settings(consistency_seconds=0)
    for instance_id in dict.fromkeys(made):
        with contextlib.suppress(ClientError):  # forgotten already
            ec2.modify_instance_attribute(
                InstanceId=instance_id, DisableApiTermination={"Value": False}
            )
            ec2.terminate_instances(InstanceIds=[instance_id])


def request_for(world: Any, **more: Any) -> dict[str, Any]:
    """The parameters of a plain launch."""
    return {
        "ImageId": world.image_id,
        "InstanceType": "m5.large",
        "MinCount": 1,
        "MaxCount": 1,
        "SubnetId": world.subnet_ids[world.zones[0]],
        "SecurityGroupIds": [world.security_group_id],
        **more,
    }


def describe(ec2: Any, instance_id: str) -> dict[str, Any]:
    answer = ec2.describe_instances(InstanceIds=[instance_id])
    found: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
    return found


def refused(call: Callable[..., Any], **wanted: Any) -> tuple[str, int, str]:
    """(code, HTTP status, message) of a call that AWS refuses."""
    with pytest.raises(ClientError) as caught:
        call(**wanted)
    error: Any = caught.value.response
    return (
        error["Error"]["Code"],
        error["ResponseMetadata"]["HTTPStatusCode"],
        error["Error"]["Message"],
    )


def eventually(check: Callable[[], Any], timeout: float = 60.0) -> Any:
    """Wait until something is so, and return what it is."""
    end = time.monotonic() + timeout
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < end, f"still not so: {check}"
        time.sleep(0.05)
