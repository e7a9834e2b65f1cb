"""DHCP for booted machines: each gets the address that EC2 says it has.

Answers come from the list of network interfaces alone. It keeps no leases, so an
address that was given back can belong to another machine the next moment, which a
server with leases would refuse.

https://www.rfc-editor.org/rfc/rfc2131
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable

_SERVER_PORT, _CLIENT_PORT = 67, 68
_MAGIC = b"\x63\x82\x53\x63"
_DISCOVER, _OFFER, _REQUEST, _ACK, _NAK, _INFORM = 1, 2, 3, 5, 6, 8
_LEASE_SECONDS = 3600
#: without a checksum: between virtual interfaces it is filled in too late for
#: clients that read raw packets (include/uapi/asm-generic/socket.h)
_SO_NO_CHECK = 11


class DhcpServer:
    """Answers on one interface.

    :param open_socket: makes a UDP socket in the network namespace of the interface
    :param address_of: the address for a MAC, or None when it is nobody's
    """

    def __init__(
        self,
        open_socket: Callable[[Callable[[], socket.socket]], socket.socket],
        interface: str,
        router: str,
        netmask: str,
        address_of: Callable[[str], str | None],
    ) -> None:
        self._interface = interface
        self._router = router
        self._netmask = netmask
        self._address_of = address_of
        self._closing = False
        self._socket = open_socket(self._bound)
        self._thread = threading.Thread(target=self._serve, name="dhcp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        # Wakes the thread, which a plain close would not.
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is not connected: that is no news, and it has woken up
        self._thread.join()
        self._socket.close()

    def _bound(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.setsockopt(socket.SOL_SOCKET, _SO_NO_CHECK, 1)
        made.setsockopt(
            socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._interface.encode()
        )
        made.bind(("0.0.0.0", _SERVER_PORT))
        return made

    def _serve(self) -> None:
        while True:
            try:
                packet = self._socket.recv(4096)
            except OSError:
                return
            if self._closing:
                return
            try:
                answer = self.answer(packet)
            except (ValueError, IndexError, struct.error):
                continue  # not DHCP
            if answer is None:
                continue
            try:
                # To all: who asks may not have an address yet.
                self._socket.sendto(answer, ("255.255.255.255", _CLIENT_PORT))
            except OSError:
                return

    def answer(self, packet: bytes) -> bytes | None:
        """The answer to a client's packet; None when it is not for us."""
        op, htype, hlen, _ = struct.unpack_from("!BBBB", packet)
        if op != 1 or htype != 1 or hlen != 6 or packet[236:240] != _MAGIC:
            return None
        mac = packet[28:34].hex(":")
        options = read_options(packet[240:])
        kind = options.get(53, b"\0")[0]
        address = self._address_of(mac)
        if address is None or kind not in (_DISCOVER, _REQUEST, _INFORM):
            return None
        mine = socket.inet_aton(self._router)
        if options.get(54, mine) != mine:
            return None  # it has chosen another server
        ours = socket.inet_aton(address)
        wanted = options.get(50, packet[12:16])
        if kind == _REQUEST and wanted not in (ours, b"\0\0\0\0"):
            return self._packet(packet, b"\0\0\0\0", [(53, bytes([_NAK])), (54, mine)])
        told = [
            (53, bytes([_OFFER if kind == _DISCOVER else _ACK])),
            (54, mine),
            (51, struct.pack("!I", _LEASE_SECONDS)),
            (1, socket.inet_aton(self._netmask)),
            (3, mine),
        ]
        return self._packet(packet, ours, told)

    def _packet(
        self, question: bytes, address: bytes, options: list[tuple[int, bytes]]
    ) -> bytes:
        body = bytearray(question[:240])
        body[0] = 2
        body[16:20] = address
        body[20:24] = socket.inet_aton(self._router)
        body[44:236] = bytes(192)
        for code, value in options:
            body += bytes([code, len(value)]) + value
        return bytes(body + b"\xff").ljust(300, b"\0")


def read_options(data: bytes) -> dict[int, bytes]:
    """DHCP options by their code."""
    found: dict[int, bytes] = {}
    at = 0
    while data[at] != 0xFF:
        if data[at] == 0:
            at += 1
            continue
        length = data[at + 1]
        found[data[at]] = data[at + 2 : at + 2 + length]
        at += 2 + length
    return found
