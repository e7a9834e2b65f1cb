"""``ec2spawner doctor`` by the rights of a policy: too narrow, too wide, and as made.

The local EC2 judges each request by the policy, as IAM would.
"""

from __future__ import annotations

import boto3
import pytest

from ec2spawner.admin.doctor import app as doctor
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.policy.needs import needs_of
from ec2spawner.admin.policy.statements import document, statements
from ec2spawner.core.tags import HOME_TAG, HUB_TAG

ACCOUNT = "123456789012"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy_of(hub, without=""):
    regions = [account.region for account in hub.accounts]
    found = statements(needs_of(hub.settings, hub.hub_id, regions, ACCOUNT))
    assert not without or without in {s.sid for s in found}
    return document([s for s in found if s.sid != without])


def found(hub, *names):
    """What these rows say that is not well."""
    return [
        check
        for check in doctor.examine(hub)
        if check.name in names and check.verdict is not Verdict.OK
    ]


@pytest.fixture
def things(network, ec2):
    """A machine of the hub, and a home, on which rights can be tried."""

    def spec(kind, **tags):
        pairs = {HUB_TAG: "doctored", **tags}.items()
        return [
            {"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in pairs]}
        ]

    client = network.client
    resources = boto3.client("ec2").describe_images(Owners=["self"])["Images"]
    image = next(i["ImageId"] for i in resources if i["Architecture"] == "x86_64")
    kinds = ("instance", "volume", "network-interface")
    machine = client.run_instances(
        ImageId=image,
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[s for kind in kinds for s in spec(kind)],
    )["Instances"][0]["InstanceId"]
    home = client.create_volume(
        AvailabilityZone="us-west-2a",
        Size=1,
        TagSpecifications=spec("volume", **{HOME_TAG: "alice"}),
    )["VolumeId"]
    yield machine, home
    ec2.change_settings(policy={})
    client.terminate_instances(InstanceIds=[machine])
    client.delete_volume(VolumeId=home)


WITH_ALL = {
    "home_may_move": True,
    "on_stop": "stop",
    "market": "spot-then-on-demand",
    "build_sources": ["https://github.com/lab/*"],
    "ready_machines": [{"count": 1}],
}


def test_the_policy_that_is_made_of_a_configuration_is_neither_too_narrow_nor_too_wide(
    hub, things, ec2
):
    """Nor does doctor itself need more."""
    made = hub(**WITH_ALL)
    ec2.change_settings(policy=policy_of(made))
    checks = doctor.examine(made)
    bad = {c.name: c.verdict for c in checks if c.verdict is not Verdict.OK}
    # The account here is new; and whose the machine is, only a database knows.
    assert bad == {"spot": Verdict.PROBLEM, "leftovers": Verdict.UNKNOWN}
    (policy,) = [c for c in checks if c.name == "policy"]
    # Sizes, twice; another hub's machine, a volume without tags.
    thiefs = 4
    assert policy.says == f"{thiefs} calls of a thief refused"


#: one of each kind of thing that a policy is about; by night each statement
BY_DAY = ("TagOnlyAtLaunch", "EndOwnMachines", "MakeHomes", "SaveOwnMachines")
STATEMENTS = [
    case if case[0] in BY_DAY else pytest.param(*case, marks=pytest.mark.slow)
    for case in (
        ("LaunchInto", "launch t3.small"),
        ("LaunchTheseSizes", "launch t3.small"),
        ("LaunchWithTheseParts", "launch t3.small"),
        ("TagOnlyAtLaunch", "launch t3.small"),
        ("EndOwnMachines", "end a machine of the hub"),
        ("StopAndWakeOwnMachines", "wake a machine of the hub"),
        ("MakeOwnMachinesOfTheseSizes", "give it new user-data"),
        ("SayWhoseReadyMachinesAre", "note whose a ready machine is"),
        ("RenewOwnLeases", "renew the lease of a machine"),
        ("MakeHomes", "make a home of 10 GiB"),
        ("AttachAndGrowOwnHomes", "grow a home"),
        ("AttachAndGrowOwnHomes", "give a home to a machine"),
        ("GiveUpOwnHomes", "note that a home is given up"),
        ("ReadOwnConsoles", "read the console of a machine"),
        ("SaveOwnMachines", "make an image of a machine"),
        ("SnapshotOwnHomes", "make a snapshot of a home"),
    )
]


@pytest.mark.parametrize("sid, what", STATEMENTS)
def test_each_statement_that_is_lacking_is_found_by_what_it_allows(
    hub, things, ec2, sid, what
):
    made = hub(**WITH_ALL)
    ec2.change_settings(policy=policy_of(made, without=sid))
    lacking = found(made, "rights")
    assert lacking and all(c.verdict is Verdict.PROBLEM for c in lacking)
    assert any(f"The hub may not {what}" in c.says for c in lacking)
    assert all("ec2spawner iam-policy" in c.fix for c in lacking)


def test_a_size_that_was_added_since_the_policy_was_made_is_found(hub, ec2):
    ec2.change_settings(policy=policy_of(hub()))
    own = [
        {"display_name": "Small"},
        {"display_name": "New", "ec2spawner_override": {"instance_type": "m7i.large"}},
    ]
    lacking = [c for c in found(hub(profile_list=own), "rights") if c.why]
    assert [c.about for c in lacking] and all("m7i.large" in c.says for c in lacking)


def test_who_may_do_everything_is_told_what_a_thief_may(hub, network, ec2):
    made = hub()
    ec2.change_settings(policy={"Statement": [EVERYTHING]})
    (wide,) = found(made, "policy")
    assert wide.verdict is Verdict.WARNING
    assert "which no profile offers, and launch a machine of another hub" in wide.says
    assert f"--account {ACCOUNT}" in wide.fix


def test_a_policy_for_another_hub_is_both(hub, ec2):
    of_another = policy_of(hub(hub_id="another"))
    ec2.change_settings(policy=of_another)
    assert any(c.verdict is Verdict.PROBLEM for c in found(hub(), "rights"))
