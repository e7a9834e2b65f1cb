"""The command: which hub, which format, and words for people."""

import json

import pytest

from ec2spawner.admin.policy.app import PolicyApp

CONFIG = """
import ec2spawner
c = get_config()
c.EC2Spawner.hub_id = "lab"
c.EC2Spawner.region = "us-gov-west-1"
c.EC2Spawner.image = "ami-0123456789abcdef0"
ec2spawner.setup(c)
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jupyterhub_config.py").write_text(CONFIG)

    def run(*words):
        app = PolicyApp()
        app.initialize(list(words))
        app.start()
        return capsys.readouterr().out

    return run


def test_a_policy_is_for_the_partition_of_its_region(run):
    policy = json.loads(run("--account", "111122223333"))
    (end,) = [s for s in policy["Statement"] if s["Sid"] == "EndOwnMachines"]
    assert end["Resource"] == "arn:aws-us-gov:ec2:us-gov-west-1:111122223333:instance/*"


def test_cloudformation_and_terraform_have_the_same_policy(run):
    policy = json.loads(run())
    template = json.loads(run("--format", "cloudformation"))
    properties = template["Resources"]["HubPolicy"]["Properties"]
    assert properties["PolicyDocument"] == policy
    text = run("--format=terraform")
    inside = text[text.index("jsonencode(") + len("jsonencode(") : text.rindex(")")]
    assert json.loads(inside) == policy


def test_each_statement_is_explained(run):
    policy, text = json.loads(run()), run("--explain")
    for statement in policy["Statement"]:
        assert f"{statement['Sid']}\n  " in text


def test_an_account_that_is_none_is_refused(run, capsys):
    with pytest.raises(SystemExit) as ended:
        run("--account", "lab")
    assert ended.value.code == 2
    assert "write its 12 digits" in capsys.readouterr().err


def test_a_zone_is_no_region(run, tmp_path, capsys):
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(CONFIG.replace("us-gov-west-1", "us-west-2a"))
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    assert "AWS has no region 'us-west-2a'" in capsys.readouterr().err
