from dataclasses import replace

from ec2spawner.admin.doctor.look.trials import wishes
from ec2spawner.core.tags import HOME_TAG, HUB_TAG
from ec2spawner.ec2.machines import Machine
from ec2spawner.ec2.resources import Resource, ResourceKind

from ..well import HERE, REGION, wants

MACHINE = Machine("i-1", "running")
HOME = Resource("vol-1", ResourceKind.VOLUME, "available", size=20, home=True)


def tried(wanted=None, **changes):
    return wishes(wanted or wants(), replace(REGION, **changes))


def launches(found, should=True):
    return [w for w in found if w.action == "RunInstances" and w.should is should]


def test_launches_are_tried_with_the_requests_of_the_product():
    found = launches(tried())
    assert [w.what for w in found] == [
        "launch m7i.large in subnet-a",
        "launch m7i.large in subnet-b",
    ]
    request = found[0].request
    assert request["NetworkInterfaces"][0]["Groups"] == ["sg-machines"]
    assert len(request["UserData"]) > 1000
    kinds = {each["ResourceType"] for each in request["TagSpecifications"]}
    assert kinds == {"instance", "volume", "network-interface"}


def test_each_kind_of_machine_is_tried_and_never_too_many():
    every = {str(n): f"m7i.{n}xlarge" for n in range(2, 40)}
    few = {"A": "t3.small", "B": "m7i.large"}
    types = {name: REGION.types["m7i.large"] for name in (*every.values(), "t3.small")}
    types |= REGION.types
    both = wants(sizes=few, market="spot-then-on-demand")
    assert {w.request["InstanceType"] for w in launches(tried(both, types=types))} == {
        "t3.small",
        "m7i.large",
    }
    spot = [w.what for w in launches(tried(both, types=types))]
    assert any("spot" in what for what in spot)
    assert len(launches(tried(wants(sizes=every), types=types))) <= 10


def test_nothing_is_launched_of_an_image_that_nobody_has_found():
    assert launches(tried(images={})) == []


def test_a_thiefs_launches_are_another_size_and_another_hubs():
    dear, foreign = launches(tried(), should=False)
    assert dear.request["InstanceType"] not in REGION.types
    tags = {
        (t["Key"], t["Value"])
        for each in foreign.request["TagSpecifications"]
        for t in each["Tags"]
    }
    assert (HUB_TAG, "lab-hub") not in tags
    assert any(key == HUB_TAG for key, _ in tags)


def test_homes_are_tried_where_there_are_any():
    made = {w.what: w for w in tried() if w.action == "CreateVolume"}
    request = made["make a home of 10 GiB"].request
    assert request["Encrypted"] and request["AvailabilityZone"] == f"{HERE}a"
    tags = {t["Key"] for t in request["TagSpecifications"][0]["Tags"]}
    assert tags == {HUB_TAG, HOME_TAG}
    assert not made["make a volume without this hub's tag"].should
    assert not [w for w in tried(wants(home="none")) if w.action == "CreateVolume"]


def test_what_asks_for_the_hubs_tag_is_tried_on_what_has_it():
    """A machine, a home: of an id that is not there EC2 tells nothing."""
    without = {w.action for w in tried()}
    assert not without & {"TerminateInstances", "ModifyVolume", "CreateTags"}
    wanted = wants(on_stop="stop", home_may_move=True)
    with_ = tried(wanted, machines={"i-1": MACHINE}, resources=[HOME])
    assert {w.action for w in with_} >= {
        *("TerminateInstances", "StopInstances", "StartInstances", "CreateTags"),
        *("ModifyInstanceAttribute", "ModifyVolume", "CreateSnapshot"),
        *("AttachVolume", "DetachVolume", "GetConsoleOutput"),
    }
    gone = {"i-1": replace(MACHINE, state="terminated")}
    assert not {w.action for w in tried(machines=gone)} & {"TerminateInstances"}


def test_the_hubs_own_computer_must_be_out_of_its_reach():
    hub = replace(REGION.hub, instance_id="i-hub")
    others = [Machine("i-others", "running"), replace(MACHINE, hub_id="lab-hub")]
    for changes, id in (({"hub": hub}, "i-hub"), ({"running": others}, "i-others")):
        (end,) = [w for w in tried(**changes) if w.action == "TerminateInstances"]
        assert end.request == {"InstanceIds": [id]} and not end.should


def test_a_small_machine_must_not_be_made_a_dear_one():
    found = tried(wants(on_stop="stop"), machines={"i-1": MACHINE})
    (large,) = [w for w in found if w.what.startswith("make a machine a ")]
    assert not large.should and large.request["InstanceType"]["Value"]


def test_what_budgets_and_builds_need_is_tried_too():
    with_ = {"machines": {"i-1": MACHINE}}
    bounded = wants(budgets={"hub": 150}, build_sources=["https://github.com/lab/*"])
    assert {"StopInstances", "CreateImage"} <= {
        w.action for w in tried(bounded, **with_)
    }
    assert not {"StopInstances", "CreateImage"} & {w.action for w in tried(**with_)}
