"""The bridge that machines are plugged into, without machines."""

import json
import os
import subprocess

import pytest

from localec2.net.vpc import VpcNetwork, run, until_in_namespace


@pytest.fixture
def vpc():
    network = VpcNetwork(f"test-{os.getpid()}")
    yield network
    network.close()


@pytest.fixture
def namespace():
    """The process that holds the network namespace of a machine to be."""
    holder = subprocess.Popen(["unshare", "--net", "--", "sleep", "infinity"])
    until_in_namespace(holder)
    yield holder.pid
    holder.kill()
    holder.wait()


def routers_mac(vpc: VpcNetwork) -> str:
    command = [*vpc._enter, "ip", "-json", "link", "show", "br0"]
    return str(json.loads(subprocess.check_output(command))[0]["address"])


def test_the_router_keeps_its_ethernet_address_when_machines_come_and_go(
    vpc, namespace
):
    """Else all others send to the old one until their ARP entries age: up to 45 s."""
    before = routers_mac(vpc)
    for number in range(4, 24):
        mac, address = f"02:00:00:00:00:{number:02x}", f"10.{vpc.number}.0.{number}"
        vpc.plug(namespace, f"ens{number}", mac, address)
        assert routers_mac(vpc) == before
    for number in range(4, 24):
        enter = f"--net=/proc/{namespace}/ns/net"
        run("nsenter", enter, "ip", "link", "delete", f"ens{number}")
        assert routers_mac(vpc) == before
