"""Other users of the computer cannot use a local EC2."""

from __future__ import annotations

import os
import socket

import pytest

from localec2.net.peers import is_ours


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def accepted(server: socket.socket) -> bool:
    connection, _ = server.accept()
    with connection:
        return is_ours(connection.getpeername(), connection.getsockname())


def test_our_own_connection_is_ours(server):
    with socket.create_connection(server.getsockname()):
        assert accepted(server)


def test_an_ipv6_socket_of_ours_is_ours(server):
    with socket.socket(socket.AF_INET6) as mine:
        mine.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
        assert accepted(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_connection_is_not_ours(server):
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        with socket.create_connection(server.getsockname()) as theirs:
            theirs.recv(1)  # until the server closes
        os._exit(0)
    assert not accepted(server)
    os.waitpid(child, 0)
