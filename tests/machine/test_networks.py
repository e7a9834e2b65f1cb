"""Security groups, false senders and blackholes between machines that boot."""

import errno
import json
import socket

import pytest

from ..hub.conftest import eventually
from ..localec2.conftest import client, refused, request_for
from .guest import Guest

REFUSED = (
    errno.ECONNREFUSED
)  # somebody is there, and nobody listens: it was let through
LOST = errno.EAGAIN

# Runs on a machine: tries to reach an address by TCP or UDP, perhaps from an address
# that it names.
REACH = """
import concurrent.futures, errno, json, socket, sys
def reach(kind, host, port, source):
    with socket.socket(type=getattr(socket, "SOCK_" + kind)) as s:
        s.settimeout(1)
        try:
            s.bind((source, 0))
            s.connect((host, port))
            s.send(b"x")
            s.recv(1)
            return 0
        except OSError as e:
            return e.errno or errno.EAGAIN
with concurrent.futures.ThreadPoolExecutor() as pool:
    print(*pool.map(lambda wanted: reach(*wanted), json.loads(sys.argv[1])))
"""
METADATA = """
import urllib.request as u
base = "http://169.254.169.254/latest/"
ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
token = u.urlopen(u.Request(base + "api/token", headers=ttl, method="PUT"), timeout=5)
token = {"X-aws-ec2-metadata-token": token.read().decode()}
asked = u.Request(base + "meta-data/instance-id", headers=token)
print(u.urlopen(asked, timeout=5).read().decode())
"""


class Member:
    """A machine in the VPC, and what it reaches."""

    def __init__(self, cloud, instance_id):
        self.cloud = cloud
        self.id = instance_id

    @property
    def guest(self):
        return Guest(self.cloud.control.machine(self.id))

    @property
    def address(self):
        return str(self.guest.machine.private_ip)

    def reach(self, host, port, kind="STREAM", source=""):
        return self.reach_all((kind, host, port, source))[0]

    def reach_all(self, *wanted):
        """The same for several at once: [(kind, host, port, source), ...]."""
        found = self.guest.run("python3", "-c", REACH, json.dumps(wanted))
        return [int(each) for each in found.split()]

    def metadata(self):
        return self.guest.run("python3", "-c", METADATA)

    def has_booted(self):
        # Before that cloud-init has an address for a moment, and gives it back.
        return "finished at" in self.guest.console


@pytest.fixture(scope="module")
def boot(cloud):
    """Boots machines with what RunInstances is told; they end with this file."""
    api = client(cloud)
    made = []

    def run(**more):
        wanted = {**request_for(cloud.control.resources()), **more}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        one = api.run_instances(**wanted)["Instances"][0]["InstanceId"]
        made.append(one)
        member = Member(cloud, one)
        eventually(lambda: cloud.control.machine(one).state == "running", 60)
        eventually(member.has_booted, 120)
        return member

    yield run
    if made:
        api.terminate_instances(InstanceIds=made)


@pytest.fixture(scope="module")
def pair(boot):
    return boot(), boot()


@pytest.fixture
def groups(cloud, pair):
    """Makes security groups; afterwards the pair has those it began with."""
    api, world = client(cloud), cloud.control.resources()
    made = []

    def make(name):
        found = api.create_security_group(
            GroupName=name, Description=name, VpcId=world.vpc_id
        )
        made.append(found["GroupId"])
        return made[-1]

    yield make
    for member in pair:
        api.modify_instance_attribute(
            InstanceId=member.id, Groups=[world.security_group_id]
        )
    for each in made:
        api.revoke_security_group_ingress(GroupId=each, IpPermissions=rules(api, each))
    for each in made:
        api.delete_security_group(GroupId=each)


def rules(api, group):
    found = api.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    return found["IpPermissions"]


def reaches(member, *there, **how):
    """A computer that is busy may lose a packet, too: once is no proof."""
    eventually(lambda: member.reach(*there, **how) == REFUSED)
    return True


def from_here(member, port):
    """What this computer, the Hub's, gets from a machine."""
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex((member.address, port))


@pytest.mark.proves("group-rules")
def test_a_machine_is_reached_by_the_hub_at_its_port_and_by_nobody_else(pair, cloud):
    one, two = pair
    eventually(lambda: from_here(one, 8888) == REFUSED)
    assert from_here(one, 22) == LOST
    assert one.reach(two.address, 8888) == LOST
    assert reaches(one, cloud.hub_address, 9)
    assert one.metadata() == one.id


@pytest.mark.slow
@pytest.mark.proves("group-rules", "group-answers", "group-change")
def test_a_rule_counts_at_once_for_its_ports_protocol_and_sender(pair, cloud, groups):
    one, two = pair
    api, group = client(cloud), groups("by-address")
    rule = {"IpProtocol": "tcp", "FromPort": 20, "ToPort": 22}
    rule["IpRanges"] = [{"CidrIp": f"{two.address}/32"}]
    api.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert two.reach(one.address, 22) == LOST  # nobody is in the group
    api.modify_instance_attribute(InstanceId=one.id, Groups=[group])
    assert reaches(two, one.address, 22)
    others = [("STREAM", one.address, 23, ""), ("DGRAM", one.address, 22, "")]
    assert two.reach_all(*others) == [LOST, LOST]
    assert from_here(one, 22) == LOST
    assert from_here(one, 8888) == LOST  # it has left the group it was in
    assert one.reach(two.address, 22) == LOST  # answers pass, questions do not
    api.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert two.reach(one.address, 22) == LOST


@pytest.mark.slow
@pytest.mark.proves("group-rules", "group-change")
def test_a_rule_for_a_group_is_for_its_members(pair, cloud, groups):
    one, two = pair
    api, host, friends = client(cloud), groups("host"), groups("friends")
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": friends}]}
    api.authorize_security_group_ingress(GroupId=host, IpPermissions=[rule])
    api.modify_instance_attribute(InstanceId=one.id, Groups=[host])
    assert two.reach(one.address, 22) == LOST
    nic = api.describe_instances(InstanceIds=[two.id])["Reservations"][0]["Instances"]
    nic = nic[0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    api.modify_network_interface_attribute(NetworkInterfaceId=nic, Groups=[friends])
    assert reaches(two, one.address, 22)
    assert reaches(two, one.address, 22, kind="DGRAM")
    assert from_here(one, 22) == LOST


@pytest.mark.slow
def test_without_a_rule_for_it_a_machine_sends_nothing(pair, cloud, groups):
    one, _ = pair
    api, silent = client(cloud), groups("silent")
    api.modify_instance_attribute(InstanceId=one.id, Groups=[silent])
    assert reaches(one, cloud.hub_address, 9)
    everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    api.revoke_security_group_egress(GroupId=silent, IpPermissions=[everywhere])
    assert one.reach(cloud.hub_address, 9) == LOST
    assert one.metadata() == one.id  # no group is asked about that


@pytest.mark.slow
@pytest.mark.proves("group-default")
def test_the_default_group_lets_in_its_members_only(boot, pair):
    three, four = boot(SecurityGroupIds=None), boot(SecurityGroupIds=None)
    assert reaches(three, four.address, 22)
    assert pair[0].reach(three.address, 22) == LOST
    assert from_here(three, 8888) == LOST


@pytest.mark.proves("source-check")
def test_a_machine_can_only_speak_for_itself(pair, cloud):
    one, two = pair
    here = cloud.hub_address
    assert reaches(one, here, 9, source=one.address)
    # Somebody else's address, with everything else as it should be.
    one.guest.run(f"ip address add {two.address}/32 dev ens5")
    try:
        assert one.reach(here, 9, source=two.address) == LOST
        assert reaches(two, here, 9)  # and nobody was misled
    finally:
        one.guest.run(f"ip address del {two.address}/32 dev ens5")
    mac = one.guest.run("cat /sys/class/net/ens5/address")
    other = two.guest.run("cat /sys/class/net/ens5/address")
    one.guest.run(f"ip link set ens5 address {other}")
    try:
        assert one.reach(here, 9) in (LOST, errno.EHOSTUNREACH)
    finally:
        one.guest.run(f"ip link set ens5 address {mac}")
    assert reaches(one, here, 9)
    assert reaches(two, here, 9)


@pytest.mark.slow
def test_a_blackhole_swallows_open_connections_until_it_is_lifted(pair, cloud):
    one, two = pair
    control = cloud.control
    with socket.socket() as listener:
        listener.bind((cloud.hub_address, 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        # Says what it hears, one byte after the other.
        one.guest.run(
            "systemd-run --quiet --unit=talk python3 -c '"
            "import socket, sys\n"
            "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
            "while True: s.sendall(s.recv(1) or sys.exit())' "
            f"{cloud.hub_address} {port}"
        )
        listener.settimeout(10)
        connection, _ = listener.accept()
    with connection:
        connection.settimeout(1.5)
        connection.sendall(b"a")
        assert connection.recv(1) == b"a"
        control.blackhole(one.id, "hub")
        connection.sendall(b"b")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert one.reach(cloud.hub_address, 9) == LOST
        assert from_here(one, 8888) == LOST
        assert one.metadata() == one.id
        assert reaches(two, cloud.hub_address, 9)
        control.blackhole(one.id)
        assert one.reach(cloud.hub_address, 9) == LOST
        control.lift_blackhole(one.id)
        connection.settimeout(60)
        assert connection.recv(1) == b"b"  # sent again until it arrived
        assert reaches(one, cloud.hub_address, 9)


@pytest.mark.slow
@pytest.mark.proves("group-change")
def test_a_group_that_is_not_there_is_refused(pair, cloud):
    api = client(cloud)
    got = refused(
        api.modify_instance_attribute, InstanceId=pair[0].id, Groups=["sg-0bad"]
    )
    assert got[0] == "InvalidGroup.NotFound"
