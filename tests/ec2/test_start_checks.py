"""What a Hub tells at its start of what its settings name, as EC2 knows it."""

from __future__ import annotations

import logging

from ec2spawner.hub.checks.in_ec2 import tell_what_is_missing
from ec2spawner.settings import LaunchSettings
from localec2 import Fault

LOG = logging.getLogger("start")
SNAPSHOT = f"snap-{'0' * 17}"


def settings(world, **given):
    there = {
        "region": "us-west-2",
        "subnets": list(world.subnet_ids.values()),
        "security_groups": [world.security_group_id],
        "instance_type": "t3.small",
    }
    return LaunchSettings(**{**there, **given})


async def lines(fleet, caplog, made, hub_url=""):
    caplog.clear()
    with caplog.at_level(logging.INFO):
        await tell_what_is_missing(made, [fleet], LOG, hub_url)
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


async def test_what_is_there_is_not_spoken_of_and_nothing_else_is_asked(
    fleet, ec2, caplog
):
    assert await lines(fleet, caplog, settings(ec2.resources())) == []
    asked = {r.action for r in ec2.requests() if r.action != "DescribeInstances"}
    assert asked == {
        *("DescribeSubnets", "DescribeSecurityGroups", "DescribeInstanceTypes")
    }


async def test_each_name_that_no_region_has_is_a_line_also_one_of_a_profile(
    fleet, ec2, caplog
):
    own = {
        "display_name": "Odd",
        "ec2spawner_override": {
            "instance_type": "t3.huge",
            "key_name": "nobody",
            "data_volumes": [{"snapshot_id": SNAPSHOT, "mount_path": "/data/d"}],
        },
    }
    wrong = settings(
        ec2.resources(),
        subnets=["subnet-1"],
        security_groups=["sg-1"],
        profile_list=[own],
    )
    told = await lines(fleet, caplog, wrong)
    begins = [line.split(" in us-west-2, which ")[0] for line in told]
    assert begins == [
        "There is no subnet subnet-1",
        "There is no security group sg-1",
        "There is no instance type t3.huge",
        "There is no key pair nobody",
        f"There is no snapshot {SNAPSHOT}",
    ]
    assert all(line.endswith("`ec2spawner doctor` tells more.") for line in told)


async def test_what_an_image_cannot_have_is_told(fleet, ec2, caplog):
    world = ec2.resources()
    odd = settings(
        world, image=world.image_id, instance_type="m7g.large", root_volume_size=1
    )
    assert await lines(fleet, caplog, odd) == [
        f"m7g.large has arm64 processors, and image {world.image_id} is for x86_64: no "
        "server starts with the two.",
        f"root_volume_size is 1 GiB, and image {world.image_id} needs 8: no server "
        "starts with the two.",
    ]
    # Of several types those that do not fit are left out.
    odd.instance_types, odd.root_volume_size = ["m7g.large", "t3.small"], 0
    assert await lines(fleet, caplog, odd) == []
    odd.instance_types, odd.root_volume_size = [], 1
    # A profile has its own of both.
    own = {"instance_type": "t3.small", "root_volume_size": 0}
    odd.profile_list = [{"display_name": "Small", "ec2spawner_override": own}]
    assert await lines(fleet, caplog, odd) == []


async def test_what_a_choice_of_an_option_cannot_have_is_told(fleet, ec2, caplog):
    world = ec2.resources()
    odd = settings(
        world, image=world.image_id, sizes={"A": "t3.small", "B": "m7g.large"}
    )
    (told,) = await lines(fleet, caplog, odd)
    assert told.startswith("m7g.large has arm64 processors")


async def test_an_instance_profile_that_nobody_has_is_told_by_a_dry_run(
    fleet, ec2, caplog
):
    world = ec2.resources()
    odd = settings(world, image=world.image_id, iam_instance_profile="nobody")
    (told,) = await lines(fleet, caplog, odd)
    assert told.startswith("There is no IAM instance profile nobody, which")
    ec2.change_settings(denied=["RunInstances"])
    (told,) = await lines(fleet, caplog, odd)
    assert told.startswith("The Hub may not launch machines with the IAM instance")
    assert not [r for r in ec2.requests("RunInstances") if r.status == 200]


async def test_an_address_at_which_no_machine_finds_the_hub_is_told(fleet, ec2, caplog):
    made = settings(ec2.resources())

    async def told_of(address):
        url = f"http://{address}:8081/hub/api"
        return [
            line.partition(": ")[2]
            for line in await lines(fleet, caplog, made, url)
            if line.startswith(f"Machines are told to find the Hub at {url}: ")
        ]

    assert await told_of("127.0.0.1") == []
    (elsewhere,) = await told_of("nobody.invalid")
    assert elsewhere.startswith("nobody.invalid is no name that can be found from here")
    away, nowhere = await told_of("10.99.0.1")
    assert away.startswith("This computer does not have the address 10.99.0.1.")
    assert nowhere.startswith("No network interface in us-west-2 has the address")
    ec2.add_fault(
        Fault("DescribeNetworkInterfaces", error=("UnauthorizedOperation", 403))
    )
    assert len(await told_of("10.99.0.1")) == 1
    ec2.clear_faults()


async def test_trouble_that_passes_is_no_warning_and_delays_nothing_for_long(
    fleet, ec2, caplog, monkeypatch
):
    wrong = settings(ec2.resources(), subnets=["subnet-1"])
    ec2.add_fault(Fault("DescribeSubnets", error=("UnauthorizedOperation", 403)))
    assert await lines(fleet, caplog, wrong) == []
    ec2.clear_faults()
    ec2.add_fault(Fault("DescribeSubnets", delay=1.0))
    monkeypatch.setattr("ec2spawner.hub.checks.in_ec2._PATIENCE_SECONDS", 0.1)
    assert await lines(fleet, caplog, wrong) == []
    assert "has not said in time" in caplog.text
    ec2.clear_faults()
