"""As much of EC2 as the making of an image needs: in memory, with a clock of its own.

A builder works by the clock. What a killed driver has sent last is done or is not.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

from ec2spawner.ec2.answers import Answers
from ec2spawner.ec2.errors import from_botocore

STEP_SECONDS = 20.0
BUILD_SECONDS = 200.0
STOP_SECONDS = 20.0
SAVE_SECONDS = 60.0


class Killed(BaseException):
    """The process that made the call is no more."""


def error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "?")


class SmallEC2:
    """Builders and images. Its methods are boto3's."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.machines: dict[str, dict[str, Any]] = {}
        self.images: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, str] = {}
        self.calls: list[str] = []
        self._ids = itertools.count(1)
        #: the call, counted from 1, at which the driver is killed, and whether EC2 has
        #: got it
        self.kill_at = 0
        self.arrives = True
        #: what the builder says at the end, if it is not "done"
        self.fails = ""
        #: the builder ends itself after so many seconds
        self.deadline = 5400.0
        #: how many secrets a builder says that it has found
        self.secrets = ""
        #: machines do not say a word
        self.silent = False
        #: the next images that cannot be made
        self.broken_images = 0
        #: code -> how many of the next RunInstances get it
        self.refusals: list[str] = []

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._pass()

    def _pass(self) -> None:
        for machine in self.machines.values():
            age = self.now - machine["began"]
            if machine["state"] == "stopping" and self.now >= machine["stops"]:
                machine["state"] = "stopped"
            if machine["state"] == "pending" and age >= 5:
                machine["state"] = "running"
            if machine["state"] == "running" and age >= self.deadline:
                machine["state"] = "terminated"
        for image in self.images.values():
            if image["State"] == "pending" and self.now >= image["saved"]:
                image["State"] = "failed" if image["broken"] else "available"

    def _called(self, name: str) -> bool:
        """Count it; False when it does not arrive."""
        self.calls.append(name)
        self._pass()
        if len(self.calls) != self.kill_at:
            return True
        if not self.arrives:
            raise Killed
        return True

    def _answer(self, answer: Any) -> Any:
        if len(self.calls) == self.kill_at:
            raise Killed
        return answer

    def living(self) -> list[str]:
        """Builders, and what else makes images."""
        self._pass()
        ours = {i: m for i, m in self.machines.items() if m["asked"]}
        return [i for i, m in ours.items() if m["state"] != "terminated"]

    def machine_of_a_user(self, id: str) -> None:
        self.machines[id] = dict(
            state="running", began=self.now, tags=[], asked={}, stops=0.0
        )

    # -- what boto3 offers -----------------------------------------------------

    def get_paginator(self, name: str) -> Any:
        class Pages:
            def paginate(_, **asked: Any) -> Any:
                return [getattr(self, name)(**asked)]

        return Pages()

    def run_instances(self, **asked: Any) -> Any:
        self._called("RunInstances")
        if self.refusals:
            raise error(self.refusals.pop(0))
        base = self.images.get(asked["ImageId"])
        if base is not None and base["State"] != "available":
            raise error("InvalidAMIID.Unavailable")
        id = self.tokens.get(asked["ClientToken"])
        if id is not None and self.machines[id]["asked"] != asked:
            raise error("IdempotentParameterMismatch")
        if id is None:
            id = f"i-{next(self._ids):017x}"
            self.tokens[asked["ClientToken"]] = id
            tags = asked["TagSpecifications"][0]["Tags"]
            began = self.now
            self.machines[id] = dict(
                state="pending", began=began, tags=tags, asked=asked, stops=0.0
            )
        return self._answer({"Instances": [self._instance(id)]})

    def describe_instances(self, **asked: Any) -> Any:
        self._called("DescribeInstances")
        found = [self._instance(id) for id in self.machines]
        return self._answer({"Reservations": [{"Instances": found}]})

    def _instance(self, id: str) -> dict[str, Any]:
        machine = self.machines[id]
        return {
            "InstanceId": id,
            "State": {"Name": machine["state"]},
            "Tags": machine["tags"],
            "LaunchTime": datetime.fromtimestamp(machine["began"], timezone.utc),
        }

    def get_console_output(self, InstanceId: str, **_: Any) -> Any:
        self._called("GetConsoleOutput")
        machine = self.machines[InstanceId]
        key = next(
            t["Value"] for t in machine["tags"] if t["Key"] == "ec2spawner:build"
        )
        age = self.now - machine["began"]
        steps = ["begin", "uv", "install", "test", "clean"]
        lines = [
            f"[ 1.0] python3[7]: ec2spawner-build {key[:12]} {step} {n}\r"
            for n, step in enumerate(steps)
            if age >= n * STEP_SECONDS + 10
        ]
        if self.secrets and age >= 4 * STEP_SECONDS:
            lines.append(f"ec2spawner-build {key[:12]} secrets 4 {self.secrets}\r")
        if self.silent:
            return self._answer({"Output": "[ 1.0] Kernel panic\r"})
        if age >= BUILD_SECONDS:
            last = f"failed 9 {self.fails}" if self.fails else "done 9"
            lines.append(f"ec2spawner-build {key[:12]} {last}\r")
        return self._answer({"Output": "\n".join(lines)})

    def stop_instances(self, InstanceIds: list[str], **_: Any) -> Any:
        self._called("StopInstances")
        for id in InstanceIds:
            if self.machines[id]["state"] == "running":
                self.machines[id].update(
                    state="stopping", stops=self.now + STOP_SECONDS
                )
        return self._answer({"StoppingInstances": []})

    def terminate_instances(self, InstanceIds: list[str]) -> Any:
        self._called("TerminateInstances")
        for id in InstanceIds:
            self.machines[id]["state"] = "terminated"
        return self._answer({"TerminatingInstances": []})

    def create_image(self, **asked: Any) -> Any:
        self._called("CreateImage")
        machine = self.machines[asked["InstanceId"]]
        if machine["asked"] and machine["state"] != "stopped":
            raise error("IncorrectInstanceState")
        if any(i["Name"] == asked["Name"] for i in self.images.values()):
            raise error("InvalidAMIName.Duplicate")
        id = f"ami-{next(self._ids):017x}"
        self.images[id] = {
            "ImageId": id,
            "Name": asked["Name"],
            "State": "pending",
            "CreationDate": datetime.fromtimestamp(self.now, timezone.utc).isoformat(),
            "Without": [each["DeviceName"] for each in asked["BlockDeviceMappings"]],
            "Tags": asked["TagSpecifications"][0]["Tags"],
            "saved": self.now + SAVE_SECONDS,
            "broken": self.broken_images > 0,
        }
        self.broken_images -= 1
        return self._answer({"ImageId": id})

    def describe_images(self, **asked: Any) -> Any:
        self._called("DescribeImages")
        filters = asked.get("Filters", ())
        wanted = {f["Name"][4:]: f["Values"][0] for f in filters}
        found = [
            image
            for id, image in self.images.items()
            if id in asked.get("ImageIds", [id])
            and wanted.items() <= {t["Key"]: t["Value"] for t in image["Tags"]}.items()
        ]
        return self._answer({"Images": found})

    def create_tags(self, Resources: list[str], Tags: Any) -> Any:
        self._called("CreateTags")
        for id in Resources:
            if id not in self.images:
                raise error("InvalidAMIID.NotFound")
            new = {each["Key"] for each in Tags}
            old = [t for t in self.images[id]["Tags"] if t["Key"] not in new]
            self.images[id]["Tags"] = [*old, *Tags]
        return self._answer({})

    def deregister_image(self, ImageId: str, **_: Any) -> Any:
        self._called("DeregisterImage")
        if self.images.pop(ImageId, None) is None:
            raise error("InvalidAMIID.Unavailable")
        return self._answer({})


class Lane:
    """Takes the place of ``ec2.clients.Lane``."""

    def __init__(self, ec2: SmallEC2) -> None:
        self.ec2 = ec2
        self.answers = Answers()

    async def run(
        self, action: str, work: Any, resources: int = 1, doubted: Any = None
    ) -> Any:
        try:
            return work(self)
        except ClientError as e:
            raise from_botocore(action, e) from e


class SmallClients:
    def __init__(self, ec2: SmallEC2) -> None:
        self.launching = self.reading = self.killing = Lane(ec2)
