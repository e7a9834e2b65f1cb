"""The template: what is in it, who may do what, and that AWS would take it."""

import json
import re
import subprocess
from dataclasses import replace

import pytest
import yaml

from ec2spawner.admin.hub_config import AdminError, read_hub
from ec2spawner.admin.init.config import config_of
from ec2spawner.admin.init.stack import stack_of
from ec2spawner.admin.policy.needs import needs_of
from ec2spawner.admin.policy.statements import document, statements
from ec2spawner.core.tags import HUB_TAG
from tests.cloudformation import resolved

from .hubs import ACCOUNT, HUB, NAMES, stack, template, user_data

DOMAIN = replace(HUB, domain="hub.example.org", name="hub-example-org")
MANY = replace(HUB, types=tuple(f"m7i-flex.{n}xlarge" for n in range(1, 13)))
HUBS = {"a tunnel": HUB, "a domain": DOMAIN, "many sizes": MANY}


def properties(name, hub=HUB):
    return template(hub)["Resources"][name]["Properties"]


def policies(hub=HUB):
    found = properties("HubRole", hub)["Policies"]
    return {
        each["PolicyName"]: resolved(each["PolicyDocument"], NAMES) for each in found
    }


def linted(template, regions):
    # Whoever collects tests need not pay for its import, which takes a second.
    from cfnlint.api import lint

    return [str(each) for each in lint(template, regions=regions)]


@pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
def test_cfn_lint_finds_nothing(hub):
    """By its own tables: it asks nobody."""
    regions = ["us-west-2", "us-west-1", "eu-central-1", "us-gov-west-1", "cn-north-1"]
    assert linted(stack(hub).template, regions) == []


def test_cfn_lint_would_find_what_is_wrong():
    wrong = stack().template.replace("HttpTokens", "HttpTokenz")
    assert linted(wrong, ["us-west-2"])


@pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
def test_aws_takes_a_template_of_this_size(hub):
    """CloudFormation quotas, "Template body size in a request", and no aliases, which
    it does not know ("CloudFormation template format")."""
    text = stack(hub).template
    assert len(text.encode()) < 51_200
    assert not re.search(r": [&*]\w", text)


@pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
def test_the_hub_may_do_what_iam_policy_says_of_its_configuration(hub, tmp_path):
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(config_of(hub))
    made = {
        "hub_ip": "10.0.7.7",
        "subnets": [NAMES["SubnetA"], NAMES["SubnetB"]],
        "security_group": NAMES["MachinesGroup"],
    }
    (tmp_path / "aws.json").write_text(json.dumps(made))
    settings = read_hub(path).settings
    needs = needs_of(settings, hub.name, [hub.region], ACCOUNT, for_images=True)
    assert policies(hub)["ec2spawner"] == document(statements(needs))


@pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
def test_a_role_has_room_for_both_policies(hub):
    """IAM user guide, "IAM and AWS STS quotas": spaces do not count."""
    text = json.dumps(policies(hub), separators=(",", ":"))
    assert len(text) <= 10_240


def test_its_own_policy_lets_somebody_log_in_and_do_nothing_else():
    [statement] = policies()["session-manager"]["Statement"]
    assert sorted(statement["Action"]) == [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ]


def test_nobody_reaches_the_hub_or_a_machine_but_who_must():
    resources = template()["Resources"]
    assert "SecurityGroupIngress" not in properties("HubGroup")
    assert "SecurityGroupIngress" not in properties("MachinesGroup")
    ways = {
        (p["GroupId"]["Ref"], p["SourceSecurityGroupId"]["Ref"], p["FromPort"])
        for each in resources.values()
        if each["Type"] == "AWS::EC2::SecurityGroupIngress"
        for p in [each["Properties"]]
    }
    assert ways == {
        ("HubGroup", "MachinesGroup", 8081),
        ("MachinesGroup", "HubGroup", 8888),
    }


@pytest.mark.parametrize(
    "line, port",
    [
        ("c.EC2Spawner.claim_port = 9000", 9000),
        ("c.JupyterHub.internal_ssl = True", 8082),
    ],
)
def test_machines_reach_a_port_of_their_own_too(line, port):
    made = yaml.safe_load(stack_of(f"{config_of(HUB)}\n{line}\n").template)
    rule = made["Resources"]["MachinesClaim"]["Properties"]
    assert rule["SourceSecurityGroupId"] == {"Ref": "MachinesGroup"}
    assert (rule["GroupId"]["Ref"], rule["FromPort"], rule["ToPort"]) == (
        *("HubGroup", port, port),
    )


def test_at_a_domain_everybody_reaches_the_ports_of_the_web_and_no_other():
    rules = properties("HubGroup", DOMAIN)["SecurityGroupIngress"]
    assert [(r["FromPort"], r["ToPort"]) for r in rules] == [(80, 80), (443, 443)]


def test_the_hubs_computer_keeps_its_data_and_its_role_to_itself():
    machine, data = properties("HubMachine"), template()["Resources"]["HubData"]
    assert machine["MetadataOptions"] == {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }
    assert "KeyName" not in machine
    [root] = machine["BlockDeviceMappings"]
    assert root["Ebs"]["Encrypted"] and data["Properties"]["Encrypted"]
    assert data["DeletionPolicy"] == "Snapshot"


def test_the_volume_of_the_database_is_taken_off_a_computer_that_has_ended_only():
    """CloudFormation user guide, AWS::EC2::VolumeAttachment: it is deleted before the
    computer, and what is mounted then is damaged or stuck."""
    [volume] = properties("HubMachine")["Volumes"]
    assert volume["VolumeId"] == {"Ref": "HubData"}
    kinds = {each["Type"] for each in template()["Resources"].values()}
    assert "AWS::EC2::VolumeAttachment" not in kinds


def test_nothing_of_the_hub_counts_as_a_machine_of_it():
    """By its tag the hub ends machines, and so does `ec2spawner sweep`."""
    rest = {k: v for k, v in template()["Resources"].items() if k != "HubRole"}
    assert HUB_TAG not in json.dumps(rest)


def test_the_configuration_travels_in_user_data_as_it_is_written():
    config = config_of(HUB) + '\nc.EC2Spawner.cmd = ["sh", "-c", "echo ${HOME}"]\n'
    made = stack_of(config).template
    raw = yaml.safe_load(made)["Resources"]["HubMachine"]["Properties"]["UserData"]
    _, _, rest = resolved(raw, NAMES).partition("<<'END_OF_CONFIG'\n")
    assert rest.partition("END_OF_CONFIG\n")[0] == config


def test_user_data_is_a_program_that_tells_the_configuration_what_was_made():
    text = user_data()
    assert subprocess.run(["bash", "-n"], input=text.encode()).returncode == 0
    assert len(text.encode()) <= 16_384
    _, _, rest = text.partition("aws.json <<'END_OF_AWS'\n")
    assert json.loads(rest.partition("END_OF_AWS")[0]) == {
        "hub_ip": "10.0.7.7",
        "subnets": [NAMES["SubnetA"], NAMES["SubnetB"]],
        "security_group": NAMES["MachinesGroup"],
    }
    for user in HUB.users:
        assert f"useradd --shell /usr/sbin/nologin {user}\n" in text


def test_the_stack_is_named_as_the_hub_and_says_where_its_computer_is():
    made = stack(DOMAIN)
    assert (made.name, made.region) == ("hub-example-org", "eu-central-1")
    assert (made.domain, made.accounts) == ("hub.example.org", ("ada", "grace"))
    assert set(template()["Outputs"]) == {"HubMachine", "HubAddress"}


def test_no_account_is_made_for_who_logs_in_elsewhere():
    config = config_of(HUB) + 'c.JupyterHub.authenticator_class = "dummy"\n'
    made = stack_of(config)
    assert made.accounts == () and "useradd" not in made.template


@pytest.mark.parametrize(
    "more, sentence",
    [
        ("c.EC2Spawner.region = 'us-west-2a'", "'us-west-2a' is a zone of 'us-west-2'"),
        ("c.EC2Spawner.home_size = 'big'", "cannot be used"),
        ("import nosuch", "cannot be run: ModuleNotFoundError"),
        ("c.Authenticator.allowed_users = {'x;y'}", "'x;y' cannot be a login name"),
        ("c.EC2Spawner.hub_id = 'lab_hub'", "'lab_hub' is no name for a hub"),
        ("# " + 16_384 * "x", "is too long to travel in the user-data"),
    ],
)
def test_of_a_configuration_that_cannot_work_no_template_is_made(more, sentence):
    with pytest.raises(AdminError) as told:
        stack_of(f"{config_of(HUB)}\n{more}\n")
    assert sentence in str(told.value)
