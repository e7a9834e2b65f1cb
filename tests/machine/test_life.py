"""The life of a booted machine as EC2 tells it: boots, stops, ends."""

import errno
import socket

import pytest

from localec2.client import ControlError

from ..hub.conftest import eventually
from ..localec2.conftest import client, describe, request_for
from .guest import Guest

UNIT = r"""[Service]
ExecStart=/bin/sh -c 'echo up >> /boots; echo I AM UP; sleep 9d'
StandardOutput=journal+console
[Install]
WantedBy=multi-user.target
"""
# Runs at the first boot, and leaves a service that runs at every boot.
USER_DATA = f"""#!/bin/sh
echo first boot >> /first-boot
cat > /etc/systemd/system/every-boot.service << UNIT
{UNIT}UNIT
systemctl daemon-reload
systemctl enable --now --no-block every-boot.service
"""


@pytest.fixture
def launch(cloud, ec2):
    """Launch a machine and wait until it is up; returns its id."""
    api = client(cloud)

    def run(**more):
        wanted = request_for(cloud.control.resources(), UserData=USER_DATA, **more)
        instance_id = api.run_instances(**wanted)["Instances"][0]["InstanceId"]
        up(cloud, instance_id)
        return instance_id

    run.api = api
    return run


def look(cloud, instance_id):
    return Guest(cloud.control.machine(instance_id))


def up(cloud, instance_id, boots=1):
    """Wait until a machine is up for the n-th time."""

    def is_up():
        machine = cloud.control.machine(instance_id)
        if machine.state != "running" or not machine.console_log:
            return False
        return look(cloud, instance_id).console.count("I AM UP") == boots

    eventually(is_up, 60)


@pytest.mark.slow
def test_a_stop_is_the_power_button_and_a_start_boots_the_same_disk(cloud, launch):
    machine = launch()
    address = cloud.control.machine(machine).private_ip
    launch.api.stop_instances(InstanceIds=[machine])
    cloud.control.wait_for_state(machine, "stopped", 60)
    stopped = look(cloud, machine)
    assert stopped.machine.pids == []
    # It was shut down in order, not cut off.
    assert "Reached target poweroff.target" in stopped.console
    launch.api.start_instances(InstanceIds=[machine])
    up(cloud, machine, boots=2)
    again = look(cloud, machine)
    assert again.machine.private_ip == address
    assert len(again.run("cat /boots").splitlines()) == 2
    # cloud-init knows that it is the same machine.
    assert len(again.run("cat /first-boot").splitlines()) == 1
    assert "I AM UP" in launch.api.get_console_output(InstanceId=machine)["Output"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "behaviour, state", [("stop", "stopped"), ("terminate", "terminated")]
)
def test_a_machine_that_shuts_itself_down_is(cloud, launch, behaviour, state):
    machine = launch(InstanceInitiatedShutdownBehavior=behaviour)
    look(cloud, machine).run("shutdown", "-h", "now")
    cloud.control.wait_for_state(machine, state, 60)
    reason = describe(launch.api, machine)["StateReason"]["Code"]
    assert reason == "Client.InstanceInitiatedShutdown"


@pytest.mark.slow
@pytest.mark.parametrize("who", ["guest", "api"])
def test_a_reboot_keeps_disk_and_address(cloud, launch, who):
    machine = launch()
    address = cloud.control.machine(machine).private_ip
    if who == "guest":
        look(cloud, machine).run("systemctl", "reboot")
    else:
        launch.api.reboot_instances(InstanceIds=[machine])
    up(cloud, machine, boots=2)
    again = look(cloud, machine)
    assert len(again.run("cat /boots").splitlines()) == 2
    assert again.machine.private_ip == address


@pytest.mark.slow
def test_a_crash_leaves_no_process_and_ec2_does_not_notice(cloud, launch):
    machine = launch()
    cloud.control.crash(machine)
    assert cloud.control.machine(machine).pids == []
    assert cloud.control.machine(machine).state == "running"


@pytest.mark.slow
def test_a_frozen_machine_stands_still_and_goes_on_or_is_cut_off(cloud, launch):
    machine = launch()
    cloud.control.freeze(machine)
    # A process that waits for a disk stops when it has what it waits for.
    eventually(lambda: all_stopped(cloud.control.machine(machine).pids))
    cloud.control.thaw(machine)
    assert look(cloud, machine).run("echo here") == "here"
    cloud.control.change_settings(stop_grace_seconds=1)
    cloud.control.freeze(machine)
    launch.api.stop_instances(InstanceIds=[machine])
    stopped = cloud.control.wait_for_state(machine, "stopped", 30)
    assert stopped.pids == []


# Runs on a machine: what the metadata service says, with the token it is given or
# with a new one.
ASK = """
import sys, urllib.request as u
base = "http://169.254.169.254/latest/"
def ask(path, method, name, value):
    request = u.Request(base + path, method=method)
    request.add_header("X-aws-ec2-metadata-token" + name, value)
    return u.urlopen(request, timeout=5).read().decode()
token = sys.argv[1] or ask("api/token", "PUT", "-ttl-seconds", "60")
print(token, ask("meta-data/instance-id", "GET", "", token))
"""
CONNECT = """
import socket, sys
with socket.socket() as s:
    s.settimeout(1.5)
    print(s.connect_ex((sys.argv[1], 9)))
"""


@pytest.mark.slow
def test_each_machine_has_its_own_metadata_and_reaches_no_other_machine(cloud, launch):
    one, two = launch(), launch()
    ask = ("python3", "-c", ASK)
    token, told = look(cloud, one).run(*ask, "").split()
    assert told == one
    assert look(cloud, two).run(*ask, "").split()[1] == two
    # A token is worth nothing on another machine.
    assert look(cloud, one).run(*ask, token).split() == [token, one]
    assert look(cloud, two).run(*ask, token, check=False) == ""
    # This computer reaches both, and they reach it, but not each other.
    refused = errno.ECONNREFUSED  # somebody is there
    for machine in (one, two):
        there = str(cloud.control.machine(machine).private_ip)
        eventually(lambda: connect_from_here(there) == refused)
    connect = ("python3", "-c", CONNECT)
    other = str(cloud.control.machine(two).private_ip)
    reached = ("0", str(int(refused)))
    assert look(cloud, one).run(*connect, cloud.hub_address) in reached
    assert look(cloud, one).run(*connect, other) not in reached


@pytest.mark.parametrize("change", [{"machines": "process"}, {"suite": "trixie"}])
def test_what_machines_are_cannot_be_changed_under_a_running_cloud(cloud, ec2, change):
    with pytest.raises(ControlError, match="start another"):
        cloud.control.change_settings(**change)


def connect_from_here(address):
    with socket.socket() as s:
        s.settimeout(5)
        return s.connect_ex((address, 8888))


def all_stopped(pids):
    return bool(pids) and {state_of(pid) for pid in pids} == {"T"}


def state_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0]
