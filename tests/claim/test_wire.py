"""Which port the agent asks from."""

import errno
import os
import socket
import threading

import pytest

from ec2spawner.claim.agent import wire


@pytest.fixture
def listener():
    """A server that answers with the port that it was asked from, and its URL."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, (_, port) = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                text = str(port).encode()
                head = b"HTTP/1.0 200 OK\r\nContent-Length: %i\r\n\r\n" % len(text)
                connection.sendall(head + text)

    threading.Thread(target=serve, daemon=True).start()
    yield "http://127.0.0.1:%i/" % server.getsockname()[1]
    server.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has such ports")
def test_root_asks_from_a_port_of_roots_again_and_again(listener):
    ports = [int(wire.request("GET", listener, as_root=True).body) for _ in range(50)]
    assert all(0 < port < 1024 for port in ports)


def test_where_root_has_no_rights_any_port_will_do(listener, monkeypatch):
    bind = socket.socket.bind

    def refuse(self, address):
        if 0 < address[1] < 1024:
            raise PermissionError(13, "Permission denied")
        return bind(self, address)

    class Socket(socket.socket):
        pass

    Socket.bind = refuse
    monkeypatch.setattr(socket, "socket", Socket)
    assert int(wire.request("GET", listener, as_root=True).body) >= 1024


def test_nobody_there_is_said_at_once(monkeypatch):
    ends = []
    connect = wire.http.client.HTTPConnection.connect

    def count(self):
        try:
            return connect(self)
        except OSError as e:
            ends.append(e.errno)
            raise

    monkeypatch.setattr(wire.http.client.HTTPConnection, "connect", count)
    with pytest.raises(OSError):
        wire.request("GET", "http://127.0.0.1:1/", as_root=True)
    # Ports that others have are passed over; who is refused asks from no other port.
    assert ends.index(errno.ECONNREFUSED) == len(ends) - 1
