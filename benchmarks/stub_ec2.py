"""A stub of EC2 for benchmarks: thousands of machines, in XML as long as AWS's.

The local EC2 (``localec2/``) is honest, and takes seconds to list a thousand machines.
This one knows next to nothing: it answers what a Hub asks, at once, and counts the
calls. It is a process of its own, so that what it costs is nobody else's::

    with Stub() as stub:
        stub.seed(hub_id, count)
        ...
        stub.calls()
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from .stub_rows import Row

_PAGE = 1000

#: of what there is none here
_SETS = {
    "DescribeAddresses": "addressesSet",
    "DescribeInstanceStatus": "instanceStatusSet",
    "DescribeInstanceTypes": "instanceTypeSet",
    "DescribeNetworkInterfaces": "networkInterfaceSet",
    "DescribeSnapshots": "snapshotSet",
    "DescribeSpotPriceHistory": "spotPriceHistorySet",
    "DescribeVolumes": "volumeSet",
}


@dataclass
class World:
    rows: dict[str, Row] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    #: a page can be cut where its reservations begin
    cuts: bool = True
    boot_seconds: float = 1.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def seed(self, hub_id: str, count: int) -> None:
        self.rows.clear()
        for number in range(count):
            row = Row(number, "running", tags_of(hub_id, number), f"token-{number}")
            self.rows[row.id] = row

    def answer(self, asked: Mapping[str, str]) -> bytes:
        action = asked["Action"]
        with self.lock:
            self.calls[action] += 1
            handler = getattr(self, "_" + action, self._nothing)
            body: bytes = handler(asked)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<{action}Response xmlns="http://'
            'ec2.amazonaws.com/doc/2016-11-15/">\n    <requestId>8f7724cf-496f-496e-'
            "8fe3-example</requestId>\n".encode()
            + body
            + f"</{action}Response>\n".encode()
        )

    def _nothing(self, asked: Mapping[str, str]) -> bytes:
        name = _SETS.get(asked["Action"])
        return f"    <{name}/>\n".encode() if name else b"    <return>true</return>\n"

    def _DescribeInstances(self, asked: Mapping[str, str]) -> bytes:
        wanted = {v for k, v in asked.items() if k.startswith("InstanceId.")}
        tag = asked.get("Filter.1.Value.1", "")
        found = [
            row
            for row in self.rows.values()
            if (row.id in wanted if wanted else tag in (*row.tags.values(), row.token))
        ]
        start = int(asked.get("NextToken") or 0)
        end = start + int(asked.get("MaxResults") or len(found))
        rows = b"".join(row.xml(self.cuts) for row in found[start:end])
        more = f"    <nextToken>{end}</nextToken>\n" if end < len(found) else ""
        return (
            b"    <reservationSet>\n" + rows + b"    </reservationSet>\n"
        ) + more.encode()

    def _RunInstances(self, asked: Mapping[str, str]) -> bytes:
        number = len(self.rows)
        row = Row(number, "pending", dict(_tags_asked(asked)), asked["ClientToken"])
        row.launched = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        row.runs_at = time.monotonic() + self.boot_seconds
        self.rows[row.id] = row
        # The answer is one reservation, without the item around it.
        lines = row.xml(True).decode().strip()
        return lines.removeprefix("<item>").removesuffix("</item>").encode()

    def _TerminateInstances(self, asked: Mapping[str, str]) -> bytes:
        items = ""
        for name, id in asked.items():
            if name.startswith("InstanceId.") and (row := self.rows.get(id)):
                row.state, row.rendered = "terminated", b""
                items += (
                    f"<item><instanceId>{id}</instanceId><currentState><code>32</code>"
                    "<name>shutting-down</name></currentState></item>"
                )
        return f"<instancesSet>{items}</instancesSet>".encode()

    def _DescribeImages(self, asked: Mapping[str, str]) -> bytes:
        return (
            b"<imagesSet><item><imageId>ami-0123456789abcdef0</imageId><imageState>"
            b"available</imageState><imageOwnerId>123456789012</imageOwnerId>"
            b"<architecture>x86_64</architecture><imageType>machine</imageType>"
            b"<rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda"
            b"</rootDeviceName><blockDeviceMapping><item><deviceName>/dev/xvda"
            b"</deviceName><ebs><volumeSize>8</volumeSize><volumeType>gp3</volumeType>"
            b"<snapshotId>snap-0123456789abcdef0</snapshotId></ebs></item>"
            b"</blockDeviceMapping><virtualizationType>hvm</virtualizationType>"
            b"<enaSupport>true</enaSupport></item></imagesSet>"
        )

    def _DescribeSubnets(self, asked: Mapping[str, str]) -> bytes:
        return (
            b"<subnetSet><item><subnetId>subnet-0123456789abcdef0</subnetId><state>"
            b"available</state><vpcId>vpc-0123456789abcdef0</vpcId><cidrBlock>"
            b"10.0.0.0/16</cidrBlock><availableIpAddressCount>60000"
            b"</availableIpAddressCount><availabilityZone>us-west-2a"
            b"</availabilityZone></item></subnetSet>"
        )


def tags_of(hub_id: str, number: int) -> dict[str, str]:
    """The tags of a server's machine, in bytes as many as ours."""
    return {
        "Name": f"user-{number:05}",
        "ec2spawner:hub": hub_id,
        "ec2spawner:server": f"server-{number:09}",
        "ec2spawner:owner": f"owner-{number:010}",
        "ec2spawner:launch": f"launch-{number:09}",
        "ec2spawner:lease": "2036-01-01T00:00:00Z",
    }


def _tags_asked(asked: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, key in asked.items():
        if name.startswith("TagSpecification.1.Tag.") and name.endswith(".Key"):
            yield key, asked.get(name.removesuffix("Key") + "Value", "")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: World

    def do_GET(self) -> None:
        """Any server of any machine: it is up."""
        self._send(b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/control":
            self._send(json.dumps(self._control(json.loads(body))).encode())
        else:
            asked = {name: values[0] for name, values in parse_qs(body).items()}
            self._send(self.world.answer(asked))

    def _control(self, order: Mapping[str, Any]) -> Any:
        world = self.world
        if "seed" in order:
            world.seed(*order["seed"])
        if "clear" in order:
            world.calls.clear()
        if "cuts" in order:
            world.cuts = order["cuts"]
            for row in world.rows.values():
                row.rendered = b""
        if "change" in order:
            # Machines whose rows are others than before, as after a new lease.
            for row in list(world.rows.values())[: order["change"]]:
                row.tags = {**row.tags, "changed": str(time.monotonic())}
                row.rendered = b""
        return dict(world.calls)

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Stub:
    """The stub in a process of its own, as long as this is entered."""

    region = "us-west-2"

    def __enter__(self) -> Stub:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stub_ec2"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.endpoint_url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()

    def seed(self, hub_id: str, count: int) -> None:
        """From now on there are so many machines, all of this hub and running."""
        self._order(seed=[hub_id, count])

    def change(self, count: int) -> None:
        """So many machines have another tag from now on."""
        self._order(change=count)

    def cut(self, cuts: bool) -> None:
        """Whether its listings can be read by difference (``ec2/inventory``)."""
        self._order(cuts=cuts)

    def calls(self, clear: bool = False) -> dict[str, int]:
        """How often each action was called since the start, or the last clear."""
        return self._order(**({"clear": True} if clear else {}))

    def _order(self, **order: Any) -> dict[str, int]:
        request = urllib.request.Request(
            self.endpoint_url + "/control", data=json.dumps(order).encode()
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            found: dict[str, int] = json.loads(answer.read())
        return found


def main() -> None:
    _Handler.world = World()
    # Machines of the stub are all of 127.0.0.0/8.
    # A Hub that has restarted asks all its servers in one moment.
    ThreadingHTTPServer.request_queue_size = 4096
    server = ThreadingHTTPServer(("0.0.0.0", 0), _Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
