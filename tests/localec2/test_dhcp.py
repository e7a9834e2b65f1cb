"""DHCP for booted machines: the address that EC2 says, and no other."""

import socket

import pytest

from localec2.net.dhcp import DhcpServer, read_options

MAC = "06:00:00:12:34:56"
ADDRESS, ROUTER = "10.200.0.7", "10.200.0.1"


def loopback(make):
    """Instead of the server's socket, one without a port that needs root."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


@pytest.fixture
def server():
    found = {MAC: ADDRESS}
    made = DhcpServer(loopback, "br0", ROUTER, "255.255.0.0", found.get)
    yield made
    made.close()


def packet(kind, mac=MAC, options=b""):
    body = bytearray(240)
    body[0:4] = bytes([1, 1, 6, 0])
    body[4:8] = b"\x11\x22\x33\x44"
    body[28:34] = bytes.fromhex(mac.replace(":", ""))
    body[236:240] = b"\x63\x82\x53\x63"
    return bytes(body) + bytes([53, 1, kind]) + options + b"\xff"


def told(answer):
    assert answer[0] == 2 and answer[4:8] == b"\x11\x22\x33\x44"
    options = read_options(answer[240:])
    return options[53][0], socket.inet_ntoa(answer[16:20]), options


@pytest.mark.parametrize("kind, answer", [(1, 2), (3, 5)])
def test_a_machine_is_offered_and_given_its_own_address(server, kind, answer):
    got, address, options = told(server.answer(packet(kind)))
    assert (got, address) == (answer, ADDRESS)
    assert socket.inet_ntoa(options[3]) == ROUTER
    assert socket.inet_ntoa(options[1]) == "255.255.0.0"


def test_who_wants_another_address_is_told_no(server):
    wanted = bytes([50, 4]) + socket.inet_aton("10.200.0.8")
    got, address, _ = told(server.answer(packet(3, options=wanted)))
    assert (got, address) == (6, "0.0.0.0")


def test_a_stranger_gets_no_answer(server):
    assert server.answer(packet(1, mac="02:00:00:00:00:01")) is None


def test_who_has_chosen_another_server_gets_no_answer(server):
    other = bytes([54, 4]) + socket.inet_aton("10.200.0.2")
    assert server.answer(packet(3, options=other)) is None


@pytest.mark.parametrize("data", [b"", b"x" * 50, b"x" * 500, packet(1)[:-1]])
def test_what_is_not_dhcp_does_not_end_it(server, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(data, server._socket.getsockname())
    server._thread.join(0.3)
    assert server._thread.is_alive()
    assert server.answer(packet(1))
