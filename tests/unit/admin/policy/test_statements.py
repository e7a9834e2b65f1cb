"""What a configuration allows, and above all what it does not."""

from ec2spawner.admin.policy.needs import needs_of, unknown
from ec2spawner.admin.policy.statements import document, statements
from ec2spawner.settings import LaunchSettings

IMAGE = "ami-0123456789abcdef0"
EC2 = "arn:aws:ec2:us-west-2:111122223333"


def made(for_images=False, regions=("us-west-2",), **given):
    settings = LaunchSettings(**{"image": IMAGE, **given})
    needs = needs_of(settings, "lab", regions, "111122223333", for_images=for_images)
    found = document(statements(needs))["Statement"]
    return {statement["Sid"]: statement for statement in found}


def listed(value):
    return {value} if isinstance(value, str) else set(value)


def actions(found):
    return set().union(*(listed(s["Action"]) for s in found.values()))


def resources(statement):
    return listed(statement["Resource"])


def profile(name, **override):
    return {"display_name": name, "ec2spawner_override": override}


def test_machines_go_into_the_subnets_and_groups_of_the_hub_and_its_profiles_only():
    found = made(
        subnets=["subnet-1"],
        security_groups=["sg-1"],
        profile_list=[
            profile("a", subnets=["subnet-2"]),
            profile("b", image="ami-1123456789abcdef0"),
        ],
    )
    assert resources(found["LaunchInto"]) == {
        f"arn:aws:ec2:us-west-2::image/{IMAGE}",
        "arn:aws:ec2:us-west-2::image/ami-1123456789abcdef0",
        f"{EC2}:subnet/subnet-1",
        f"{EC2}:subnet/subnet-2",
        f"{EC2}:security-group/sg-1",
    }


def test_who_keeps_machines_ready_may_tag_them_when_they_are_given_away():
    found = made(ready_machines=[{"count": 1}], tags={"award": "{username}"})
    statement = found["SayWhoseReadyMachinesAre"]
    assert resources(statement) == {f"{EC2}:instance/*", f"{EC2}:volume/*"}
    keys = statement["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"]
    assert set(keys) == {
        *("Name", "award"),
        *("ec2spawner:server", "ec2spawner:owner", "ec2spawner:ready"),
    }
    assert "SayWhoseReadyMachinesAre" not in made()


def test_where_none_are_named_any_will_do():
    assert resources(made(image="name:lab-*")["LaunchInto"]) == {
        "arn:aws:ec2:us-west-2::image/*",
        f"{EC2}:subnet/*",
        f"{EC2}:security-group/*",
    }


def test_an_image_that_users_write_may_be_any():
    written = {
        "display_name": "Image",
        "choices": {},
        "unlisted_choice": {
            "enabled": True,
            "display_name": "AMI",
            "ec2spawner_override": {"image": "{value}"},
        },
    }
    own = {"display_name": "a", "profile_options": {"image": written}}
    found = made(profile_list=[own])
    assert "arn:aws:ec2:us-west-2::image/*" in resources(found["LaunchInto"])


def test_only_offered_sizes_can_be_launched_and_woken():
    found = made(
        instance_type="t3.small",
        on_stop="stop",
        profile_list=[
            profile("a", instance_type="m7i.large"),
            profile("b", instance_types=["m6i.large", "m5.large"]),
        ],
    )
    offered = ["t3.small", "m7i.large", "m6i.large", "m5.large"]
    launched = found["LaunchTheseSizes"]["Condition"]["StringEquals"]
    woken = found["MakeOwnMachinesOfTheseSizes"]["Condition"]["StringEqualsIfExists"]
    assert launched["ec2:InstanceType"] == offered
    assert woken["ec2:Attribute/InstanceType"] == offered


def test_a_builder_is_one_of_the_sizes():
    found = made(build_sources=["https://github.com/lab/*"])
    sizes = found["LaunchTheseSizes"]["Condition"]["StringEquals"]["ec2:InstanceType"]
    assert "t3.large" in sizes
    assert {"ec2:CreateImage", "ec2:StopInstances"} <= actions(found)
    assert "ec2:StartInstances" not in actions(found)


def test_images_that_the_hub_has_made_are_told_by_its_tag():
    found = made(build_sources=["https://github.com/lab/*"])
    assert f"arn:aws:ec2:us-west-2::image/{IMAGE}" in resources(found["LaunchInto"])
    assert found["LaunchOwnImages"]["Condition"]["StringEquals"] == {
        "ec2:ResourceTag/ec2spawner:hub": "lab"
    }


def test_who_builds_images_by_hand_begins_with_ubuntu():
    for found in (made(for_images=True), made(image="repo:lab")):
        assert found["FindPublicImages"]["Resource"].startswith(
            "arn:aws:ssm:us-west-2::parameter/aws/service/canonical/ubuntu/"
        )


def test_machines_get_no_instance_profile_unless_one_is_set():
    without = made()
    assert without["LaunchTheseSizes"]["Condition"]["Null"] == {
        "ec2:InstanceProfile": "true"
    }
    assert "iam:PassRole" not in actions(without)
    found = made(iam_instance_profile="reader")
    assert resources(found["GiveMachinesTheirRole"]) == {
        "arn:aws:iam::111122223333:role/reader"
    }
    assert found["LaunchTheseSizes"]["Condition"]["ArnLikeIfExists"] == {
        "ec2:InstanceProfile": ["arn:aws:iam::111122223333:instance-profile/reader"]
    }


def size_of(statement):
    return statement["Condition"]["NumericLessThanEquals"]["ec2:VolumeSize"]


def test_disks_and_homes_are_no_larger_than_the_largest_that_is_offered():
    found = made(
        root_volume_size=30,
        home="user",
        home_size=20,
        profile_list=[profile("a", root_volume_size=200), profile("b", home_size=50)],
    )
    assert size_of(found["LaunchWithTheseDisks"]) == "200"
    assert size_of(found["MakeHomes"]) == "50"


def test_where_an_image_or_a_snapshot_says_how_large_a_disk_is_nothing_bounds_it():
    data = [{"snapshot_id": "snap-0123456789abcdef0", "mount_path": "/data/dem"}]
    for given in ({}, {"root_volume_size": 30, "data_volumes": data}):
        disks = made(**given)["LaunchWithTheseDisks"]
        assert "NumericLessThanEquals" not in disks["Condition"]


def test_what_is_not_used_is_not_allowed():
    assert not actions(made(prices_region="")) & {
        "pricing:GetProducts",
        "ec2:DescribeSpotPriceHistory",
        "ssm:GetParameter",
        "ec2:CreateVolume",
        "ec2:AttachVolume",
        "ec2:CreateSnapshot",
        "ec2:DeleteSnapshot",
        "ec2:StopInstances",
        "ec2:StartInstances",
        "ec2:ModifyInstanceAttribute",
        "ec2:CreateImage",
        "ec2:CopyImage",
    }


def test_homes_that_stay_where_they_are_need_no_snapshots():
    assert "ec2:CreateSnapshot" not in actions(made(home="user"))
    assert "ec2:CreateSnapshot" in actions(made(home="user", home_may_move=True))
    kept = made(home="user", home_on_delete="snapshot")
    assert "ec2:CreateSnapshot" in actions(kept)


def test_two_regions_are_both_named_and_no_third():
    found = made(regions=("us-west-2", "eu-central-1"))
    look = found["Look"]["Condition"]["StringEquals"]
    assert look == {"aws:RequestedRegion": ["us-west-2", "eu-central-1"]}
    assert resources(found["EndOwnMachines"]) == {
        f"{EC2}:instance/*",
        "arn:aws:ec2:eu-central-1:111122223333:instance/*",
    }


def test_what_a_function_returns_is_said_to_be_unknown():
    assert unknown(LaunchSettings(profile_list=lambda spawner: [])) == ["profile_list"]
    own = [profile("a", image=lambda spawner: IMAGE, tags=lambda spawner: {})]
    assert unknown(LaunchSettings(profile_list=own)) == ["image"]
    assert unknown(LaunchSettings()) == []


def test_a_budget_stops_machines_and_they_are_woken_later():
    """Whatever on_stop says: settings/budgets."""
    stops = {"ec2:StopInstances", "ec2:StartInstances", "ec2:ModifyInstanceAttribute"}
    assert stops <= actions(made(budgets={"hub": 200}))
    assert not stops & actions(made())
