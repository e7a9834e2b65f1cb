"""``ec2spawner doctor`` against a local EC2: each row broken on purpose, and repaired.

The network is one as the tutorial makes it: a VPC with two subnets, a group for the
Hub's computer and one for machines. A fix is run as it is told, by boto3.
"""

from __future__ import annotations

import json
import re
import shlex

import boto3
import pytest

from ec2spawner.admin.doctor import app as doctor
from ec2spawner.admin.doctor.look import ask as asking
from ec2spawner.admin.doctor.page import as_text
from ec2spawner.admin.doctor.rows.check import Verdict
from localec2 import Fault

from .tutorial_network import permission


def examine(hub):
    """What is not well, by the name of its row; what nobody knows left out."""
    found = [c for c in doctor.examine(hub) if c.verdict is not Verdict.UNKNOWN]
    # Everybody may do everything on a local EC2.
    found = [c for c in found if c.name != "policy"]
    return [check for check in found if check.verdict is not Verdict.OK]


def test_a_hub_that_is_well_is_one_screen(hub):
    checks = doctor.examine(hub())
    bad = [c for c in checks if c.verdict in (Verdict.PROBLEM, Verdict.WARNING)]
    assert [check.name for check in bad] == ["policy"]
    assert {c.name for c in checks if c.verdict is Verdict.OK} >= {
        *("configuration", "credentials", "clock", "hub-address", "subnets", "routes"),
        *("dns", "security-groups", "image", "sizes", "quota", "rights"),
    }
    # Everybody may do everything on a local EC2, which takes a paragraph.
    rows = [check for check in checks if check.name != "policy"]
    assert len(as_text(rows, 1.0).splitlines()) <= 24


def run(client, fix):
    """The AWS command line, as far as fixes need it."""
    words = shlex.split(fix)
    assert words[:2] == ["aws", "ec2"], fix
    method = words[2].replace("-", "_")
    named = [w for w in words[3:] if w not in ("--ingress", "--egress")]
    options = dict(zip(named[::2], named[1::2]))
    options.pop("--region")
    if method.endswith("gress"):
        if "--ip-permissions" in options:
            assert "FromPort=8081" in fix
            cidr = re.search(r"CidrIp=([0-9./]+)", fix)[1]
            more = {"FromPort": 8081, "ToPort": 8081, "IpRanges": [{"CidrIp": cidr}]}
            rule = {"IpProtocol": "tcp", **more}
        elif "--cidr" in options:
            port = int(options["--port"])
            rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
            rule["IpRanges"] = [{"CidrIp": options["--cidr"]}]
        else:
            rule = permission(int(options["--port"]), options["--source-group"])
        request = {"GroupId": options["--group-id"], "IpPermissions": [rule]}
    elif method == "create_network_acl_entry":
        first, last = re.search(r"From=(\d+),To=(\d+)", fix).groups()
        request = {
            "NetworkAclId": options["--network-acl-id"],
            "RuleNumber": int(options["--rule-number"]),
            "Egress": "--egress" in words,
            "Protocol": "6",
            "RuleAction": "allow",
            "CidrBlock": options["--cidr-block"],
            "PortRange": {"From": int(first), "To": int(last)},
        }
    elif method == "modify_vpc_attribute":
        request = {"VpcId": options["--vpc-id"], "EnableDnsSupport": {"Value": True}}
    else:
        raise AssertionError(f"nobody can run {fix}")
    getattr(client, method)(**request)


def shut(group, port, source):
    def change(network):
        network.client.revoke_security_group_ingress(
            GroupId=getattr(network, group),
            IpPermissions=[permission(port, getattr(network, source))],
        )

    return change


def opened(group, port):
    def change(network):
        everybody = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        everybody["IpRanges"] = [{"CidrIp": "0.0.0.0/0"}]
        network.client.authorize_security_group_ingress(
            GroupId=getattr(network, group), IpPermissions=[everybody]
        )

    return change


def no_way_out(network):
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    network.client.revoke_security_group_egress(
        GroupId=network.machines, IpPermissions=everything
    )


def no_dns(network):
    network.client.modify_vpc_attribute(
        VpcId=network.vpc, EnableDnsSupport={"Value": False}
    )


def shut_acl(port, egress=False):
    def change(network):
        (acl,) = network.client.describe_network_acls(
            Filters=[{"Name": "vpc-id", "Values": [network.vpc]}]
        )["NetworkAcls"]
        network.client.create_network_acl_entry(
            NetworkAclId=acl["NetworkAclId"],
            RuleNumber=50,
            Egress=egress,
            Protocol="6",
            RuleAction="deny",
            CidrBlock="10.7.0.0/16",
            PortRange={"From": port, "To": port},
        )

    return change


@pytest.mark.parametrize(
    "broken, verdict, says",
    [
        (shut_acl(8888), "problem", "stops the Hub's questions to port 8888"),
        (shut("machines", 8888, "hub"), "problem", "does not reach port 8888"),
        (shut("hub", 8081, "machines"), "problem", "do not reach the Hub's port 8081"),
        (no_way_out, "problem", "no rule lets them out"),
        (opened("machines", 8888), "problem", "8888 of machines is open to everybody"),
        (opened("hub", 8081), "warning", "port 8081 is open to everybody"),
        (no_dns, "warning", "is turned off"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_is_broken_in_the_network_is_found_and_its_fix_repairs_it(
    hub, network, broken, verdict, says
):
    broken(network)
    (check,) = examine(hub())
    assert check.verdict.value == verdict and says in check.says and check.why
    run(network.client, check.fix)
    assert examine(hub()) == []


def test_a_route_that_is_taken_away_is_found(hub, network):
    network.client.delete_route(
        RouteTableId=network.table, DestinationCidrBlock="0.0.0.0/0"
    )
    (check,) = examine(hub())
    assert check.name == "routes" and "there is no route out" in check.says
    assert network.subnets[0] in check.says


@pytest.mark.parametrize(
    "settings, row, says",
    [
        ({"image": "ami-11111111"}, "image", "ami-11111111 is no image in us-west-2"),
        ({"image": "ssm:/no/such"}, "image", "ssm:/no/such is no image"),
        ({"image": "repo:lab"}, "image", "make one with ec2spawner image build"),
        ({"subnets": ["subnet-1"]}, "subnets", "There is no subnet-1 in us-west-2."),
        ({"security_groups": ["sg-1"]}, "security-groups", "no security group sg-1"),
        ({"instance_type": "t3.huge"}, "sizes", "no instance type t3.huge"),
        ({"instance_type": "m7g.large"}, "sizes", "m7g.large has arm64 processors"),
        (
            {
                "data_volumes": [
                    {"snapshot_id": f"snap-{'0' * 17}", "mount_path": "/data/d"}
                ]
            },
            "data",
            "There is no snapshot snap-0",
        ),
        ({"key_name": "nobody"}, "key-pair", "no key pair 'nobody'"),
        ({"root_volume_size": 1}, "image", "root_volume_size is 1 GiB"),
        ({"max_machines": 0}, "configuration", "max_machines is 0"),
        ({"region": "us-west-2a"}, "configuration", "is a zone of 'us-west-2'"),
    ],
)
def test_a_setting_that_names_what_is_not_there_is_found(hub, settings, row, says):
    found = examine(hub(**settings))
    assert any(c.name == row and says in c.says for c in found), found


def test_a_hub_that_machines_are_told_to_find_elsewhere_is_found(hub, monkeypatch):
    (check,) = examine(hub(hub={"hub_connect_ip": "172.17.0.2"}))
    assert check.name == "hub-address" and "No network interface" in check.says
    monkeypatch.setattr(asking, "is_here", lambda address: False)
    (check,) = examine(hub())
    assert "This computer does not have the address" in check.says


def test_the_default_group_is_told_for_what_it_admits(hub):
    names = [check.name for check in examine(hub(security_groups=[]))]
    assert "configuration" in names and "security-groups" in names


def test_quotas_are_told_with_what_is_in_use(hub, ec2):
    ec2.change_settings(vcpu_quota={"standard": 1})
    (check,) = examine(hub())
    assert check.name == "quota" and "may run 1 vCPUs" in check.says
    assert "--quota-code L-1216C47A" in check.fix
    ec2.change_settings(vcpu_quota={"standard": 16})
    (check,) = examine(hub())
    assert check.verdict is Verdict.WARNING
    assert "8 machines of 2 vCPUs, and max_machines is 200" in check.says
    assert examine(hub(max_machines=8)) == []


@pytest.mark.parametrize(
    "action, what",
    [
        ("RunInstances", "launch t3.small"),
        ("CreateVolume", "make a home of 10 GiB"),
        ("DescribeInstanceStatus", "call DescribeInstanceStatus"),
    ],
)
def test_a_right_that_is_lacking_is_found(hub, ec2, action, what):
    ec2.change_settings(denied=[action])
    found = examine(hub())
    assert found and {check.name for check in found} == {"rights"}
    assert all(what in check.says for check in found)
    assert f"ec2:{action}" in found[0].says
    assert found[0].fix.startswith("ec2spawner iam-policy --account 123456789012")


def test_what_may_not_be_looked_at_is_not_known_and_no_problem(hub, ec2):
    ec2.change_settings(denied=["DescribeSecurityGroups", "DescribeRouteTables"])
    assert examine(hub()) == []
    unknown = {c.name for c in doctor.examine(hub()) if c.verdict is Verdict.UNKNOWN}
    assert unknown >= {"security-groups", "routes"}


def test_another_network_with_the_same_addresses_is_another(hub, network):
    """An account may have several VPCs with one range of addresses."""
    twin = network.client.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnet = network.client.create_subnet(VpcId=twin, CidrBlock="10.7.0.0/24")
    network.client.create_network_interface(
        SubnetId=subnet["Subnet"]["SubnetId"], PrivateIpAddress=network.address
    )
    assert examine(hub()) == []


def test_two_regions_are_looked_at_and_told_apart(hub, cloud, ec2):
    there = ec2.resources("eu-west-1")
    own = [
        {"display_name": "Here"},
        {
            "display_name": "There",
            "ec2spawner_override": {
                "region": "eu-west-1",
                "image": there.image_id,
                "subnets": list(there.subnet_ids.values())[:1],
                "security_groups": ["sg-1"],
            },
        },
    ]
    found = examine(hub(profile_list=own))
    (missing,) = [c for c in found if c.name == "security-groups"]
    assert missing.says == "There is no security group sg-1 in eu-west-1."
    assert missing.why.endswith("for There.")


def test_homes_that_cannot_be_reached_are_found(hub, network):
    def home(zone, owner):
        tags = {"ec2spawner:hub": "doctored", "ec2spawner:home": owner}
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        spec = [{"ResourceType": "volume", "Tags": pairs}]
        made = network.client.create_volume(
            AvailabilityZone=zone, Size=1, TagSpecifications=spec
        )
        return made["VolumeId"]

    far = home("us-west-2c", "alice")
    twins = [home("us-west-2a", "bob") for _ in "ab"]
    said = [c.says for c in examine(hub()) if c.name == "homes"]
    assert said == [
        f"{far} is in us-west-2c, where the hub has no subnet.",
        f"{', '.join(sorted(twins))} are homes of one owner.",
    ]
    for id in [far, twins[1]]:
        network.client.delete_volume(VolumeId=id)
    assert examine(hub()) == []
    network.client.delete_volume(VolumeId=twins[0])


def test_a_key_that_is_disabled_is_found(hub, cloud):
    kms = boto3.client("kms", region_name=cloud.region)
    id = kms.create_key()["KeyMetadata"]["KeyId"]
    made = hub(home_kms_key_id=id)
    assert examine(made) == []
    kms.disable_key(KeyId=id)
    (check,) = examine(made)
    assert check.name == "key" and f"{id} is Disabled." == check.says
    kms.enable_key(KeyId=id)
    (check,) = examine(hub(home_kms_key_id="alias/none"))
    assert check.says == "alias/none is no key in us-west-2."


def test_a_region_that_does_not_answer_is_one_problem(hub, ec2):
    away = [
        {"display_name": "Here"},
        {"display_name": "There", "ec2spawner_override": {"region": "eu-west-1"}},
    ]
    ec2.add_fault(Fault("Describe*", lose_request=True, region="eu-west-1"))
    (check,) = examine(hub(profile_list=away))
    assert check.name == "region" and "does not answer for eu-west-1" in check.says


def test_nothing_is_launched_or_made(hub, ec2):
    made = hub()
    ec2.clear_requests()
    doctor.examine(made)
    assert ec2.requests("RunInstances")
    changing = [
        r
        for r in ec2.requests()
        if not r.action.startswith(("Describe", "Get"))
        and r.params.get("DryRun") != "true"
    ]
    assert changing == []


@pytest.fixture
def command(hub, monkeypatch, capsys):
    """Runs the command: (exit code, what it prints)."""

    def run(*words, **settings):
        made = hub(**settings)
        monkeypatch.setattr(doctor.DoctorApp, "hub", lambda self: made)
        command = doctor.DoctorApp()
        command.parse_command_line(list(words))
        with pytest.raises(SystemExit) as ended:
            command.start()
        return ended.value.code, capsys.readouterr()

    return run


def test_its_exit_code_tells_scripts_how_it_is(command, ec2, monkeypatch):
    assert command()[0] == 0
    code, told = command("--json", image="ami-11111111")
    assert code == 1 and json.loads(told.out)["problems"] == 1
    refused = ["AuthFailure", 401, "AWS was not able to validate the credentials"]
    ec2.add_fault(Fault("GetCallerIdentity", error=refused))
    code, told = command()
    assert code == 2 and "AWS cannot be asked" in told.err
    ec2.clear_faults()
    ec2.add_fault(Fault("*", lose_request=True))
    code, told = command()
    assert code == 2 and "AWS cannot be asked" in told.err
