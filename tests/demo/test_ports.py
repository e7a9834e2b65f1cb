"""Ports that are still free when a server comes to use them."""

from __future__ import annotations

import socket

from ec2spawner.demo import ports


def test_no_port_is_one_that_a_connection_may_be_given():
    free = ports.free_ports(100)
    assert len(set(free)) == 100
    low, high = map(int, ports._range_for_connections().split())
    assert [port for port in free if low <= port <= high] == []


def test_a_port_is_for_servers_also_where_every_one_may_be_a_connections():
    assert 10_000 in ports.candidates("1024 65535")


def test_a_port_that_is_taken_at_any_address_is_passed_over(monkeypatch):
    with socket.socket() as server:
        server.bind(("127.0.0.5", 0))
        server.listen()
        taken = server.getsockname()[1]
        free = ports.free_ports(1)[0]
        monkeypatch.setattr(ports, "candidates", lambda _: [taken, free])
        monkeypatch.setattr(ports.random, "shuffle", lambda found: None)
        assert ports.free_ports(1) == [free]
