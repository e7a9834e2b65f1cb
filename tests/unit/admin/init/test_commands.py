"""The four commands from a template to a hub."""

import subprocess
from dataclasses import replace

import pytest

from ec2spawner.admin.init.commands import commands
from ec2spawner.admin.init.stack import Stack

HUB = Stack("lab-hub", "eu-central-1", "", ("ada", "grace"), "")
DOMAIN = replace(HUB, domain="hub.example.org")


def test_they_make_log_in_prepare_and_open():
    (_, make), (_, log_in), (what, there), (where, tunnel) = commands(HUB, "a b.yaml")
    assert "--template-file 'a b.yaml'" in make and "CAPABILITY_IAM" in make
    assert "aws ssm start-session --region eu-central-1 --target $HUB" in log_in
    assert "give ada a password" in what
    assert there == "sudo passwd ada\nsudo ec2spawner image build lab --name lab"
    assert "http://localhost:8000/" in where and "portNumber=8000" in tunnel


def test_at_a_domain_its_address_is_told_in_place_of_a_tunnel():
    *_, (what, command) = commands(DOMAIN)
    assert "https://hub.example.org/" in what and "HubAddress" in command


def test_who_logs_in_elsewhere_needs_no_password():
    assert "passwd" not in str(commands(replace(HUB, accounts=())))


@pytest.mark.parametrize("stack", [HUB, DOMAIN])
def test_a_shell_takes_them(stack):
    for _, command in commands(stack):
        assert subprocess.run(["bash", "-n"], input=command.encode()).returncode == 0
