"""Listings that look right and are not, zones that are disrupted, tags that leave."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from localec2 import Fault, ListingFault
from localec2.client import ControlError
from localec2.world.describe.rows import as_of
from localec2.world.instance import PastState

from .conftest import describe, eventually, refused

ACTION = "DescribeInstances"


@pytest.fixture
def three(cloud, launch):
    """Three running machines with a tag of their own: their ids."""
    tags = [{"Key": "who", "Value": "three"}]
    named = [{"ResourceType": "instance", "Tags": tags}]
    made = [launch(TagSpecifications=named)["InstanceId"] for _ in range(3)]
    for each in made:
        cloud.control.wait_for_state(each, "running")
    return made


def listed(ec2):
    """Ids in the order of the rows, and their states."""
    asked = [
        {"Name": "tag:who", "Values": ["three"]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    answer = ec2.describe_instances(Filters=asked)["Reservations"]
    return [i["InstanceId"] for r in answer for i in r["Instances"]]


def fault(cloud, times=None, **what):
    listing = ListingFault(**what)
    cloud.control.add_fault(Fault(ACTION, listing=listing, times=times))


def test_a_listing_leaves_out_what_it_is_told_to(cloud, ec2, three):
    fault(cloud, omit=(three[0],), times=1)
    assert set(listed(ec2)) == set(three[1:])
    assert set(listed(ec2)) == set(three)
    fault(cloud, omit=("*",))
    assert listed(ec2) == []
    assert describe(ec2, three[0])["InstanceId"] == three[0]


def test_what_is_left_out_is_unknown_by_its_id_only_if_that_is_asked_for(
    cloud, ec2, three
):
    fault(cloud, omit=(three[0],), by_id=True)
    got = refused(ec2.describe_instances, InstanceIds=three)
    assert got[0] == "InvalidInstanceID.NotFound"
    assert three[0] in got[2] and three[1] not in got[2]
    assert describe(ec2, three[1])["InstanceId"] == three[1]


def test_all_ids_that_are_unknown_are_named_as_they_were_asked_for(ec2, three):
    unknown = [f"i-{n:017x}" for n in (7, 3, 5)]
    got = refused(ec2.describe_instances, InstanceIds=[unknown[0], *three, *unknown])
    assert got[0] == "InvalidInstanceID.NotFound" and ", ".join(unknown) in got[2]


def test_an_old_listing_does_not_have_what_is_new(cloud, ec2, three):
    fault(cloud, seconds_old=3600)
    assert listed(ec2) == []


def test_a_row_that_is_old_has_the_state_of_then():
    instance = SimpleNamespace(born=10.0, _state="stopped", state_reason="why")
    shown = ("running", None, "")
    instance.history = [
        PastState(10.0, ("pending", None, ""), "launched"),
        PastState(20.0, shown, "launched"),
        PastState(30.0, ("stopped", "why", ""), "launched"),
    ]
    assert as_of(instance, 9.0) is None
    old = as_of(instance, 25.0)
    assert (old._state, old.state_reason, old._reason) == shown
    assert as_of(instance, 31.0)._state == instance._state == "stopped"


def test_rows_come_twice_or_in_another_order(cloud, ec2, three):
    right = listed(ec2)
    fault(cloud, reorder=True, times=1)
    assert listed(ec2) == right[::-1]
    fault(cloud, repeat=True, times=1)
    assert sorted(listed(ec2)) == sorted(right * 2)


@pytest.mark.proves("no-order")
def test_pages_in_another_order_are_complete(cloud, ec2, launch):
    tags = [{"Key": "pages", "Value": "turned"}]
    named = [{"ResourceType": "instance", "Tags": tags}]
    made = {launch(TagSpecifications=named)["InstanceId"] for _ in range(7)}
    for what in ({"reorder": True}, {"repeat": True}):
        cloud.control.clear_faults()
        fault(cloud, **what)
        pages = ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "tag:pages", "Values": ["turned"]}],
            PaginationConfig={"PageSize": 5},
        )
        found = [i for p in pages for r in p["Reservations"] for i in r["Instances"]]
        assert {each["InstanceId"] for each in found} == made


@pytest.mark.proves("next-token")
def test_a_token_that_is_not_of_this_listing_is_refused(ec2, three):
    got = refused(ec2.describe_instances, MaxResults=5, NextToken="of-last-year")
    assert got == ("InvalidParameterValue", 400, "Unable to parse pagination token")


@pytest.mark.proves("index-of-tags")
def test_the_index_of_tags_names_a_volume_that_its_own_listing_lacks(cloud, ec2, world):
    made = ec2.create_volume(AvailabilityZone=world.zones[0], Size=1)["VolumeId"]
    ec2.create_tags(Resources=[made], Tags=[{"Key": "who", "Value": "me"}])
    wanted = {"resource-type": ["volume"], "key": ["who"], "value": ["me"]}
    asked = [{"Name": name, "Values": values} for name, values in wanted.items()]

    def named():
        return [tag["ResourceId"] for tag in ec2.describe_tags(Filters=asked)["Tags"]]

    lacks = ListingFault(omit=(made,), by_id=True)
    cloud.control.add_fault(Fault("DescribeVolumes", listing=lacks))
    assert (
        refused(ec2.describe_volumes, VolumeIds=[made])[0] == "InvalidVolume.NotFound"
    )
    assert named() == [made]
    cloud.control.add_fault(Fault("DescribeTags", listing=lacks, times=1))
    assert named() == [] != named()
    cloud.control.clear_faults()
    eventually(
        lambda: ec2.describe_volumes(VolumeIds=[made])["Volumes"][0]["State"]
        == "available"
    )
    ec2.delete_volume(VolumeId=made)
    eventually(lambda: named() == [])


@pytest.mark.proves("disrupted-zone")
def test_in_a_disrupted_zone_only_calls_that_name_others_work(
    cloud, ec2, world, launch
):
    ill, well = world.zones[:2]
    there = launch(SubnetId=world.subnet_ids[ill])["InstanceId"]
    here = launch(SubnetId=world.subnet_ids[well])["InstanceId"]
    cloud.control.change_settings(disrupted_zones=[ill])
    for ids in ([], [there], [there, here]):
        got = refused(ec2.describe_instances, InstanceIds=ids)
        assert got[:2] == ("InternalError", 500)
    assert describe(ec2, here)["InstanceId"] == here


@pytest.mark.proves("terminated-loses-tags")
def test_tags_leave_a_terminated_machine(cloud, ec2, three):
    cloud.control.change_settings(terminated_tags_seconds=0)
    ec2.terminate_instances(InstanceIds=[three[0]])
    cloud.control.wait_for_state(three[0], "terminated")
    eventually(lambda: not describe(ec2, three[0]).get("Tags"))
    asked = [{"Name": "tag:who", "Values": ["three"]}]
    answer = ec2.describe_instances(Filters=asked)["Reservations"]
    shown = {i["InstanceId"] for r in answer for i in r["Instances"]}
    assert three[0] not in shown and set(three[1:]) <= shown


def test_nonsense_is_refused_with_a_sentence(cloud):
    with pytest.raises(ControlError, match="unknown fields of a listing fault: colour"):
        wrong = {"action": ACTION, "listing": {"colour": "red"}}
        cloud.control._call("POST", "faults", wrong)
