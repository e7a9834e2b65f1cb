"""The way from boto3 to the local EC2 and back, without sockets and threads.

What boto3 sends are the bytes of the real protocol, and so is what it reads: an answer
that is cut, lost or late is that for urllib3 as it would be on a network. Only the
operating system is left out, which costs most of the time of a call.
"""

from __future__ import annotations

import copy
import importlib
import io
import os
import sys
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from botocore.hooks import EventAliaser
from botocore.parsers import ResponseParser
from urllib3.connection import HTTPConnection

from ec2spawner.ec2 import clients
from localec2.api.control_api import ControlApi
from localec2.api.dispatch import Answer
from localec2.api.http import Gate
from localec2.requests.faults import Fault
from localec2.requests.request import ApiRequest
from localec2.serve import LocalCloud

from .virtual_time import EventQueue, VirtualTime

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _ServersEnd:
    """The socket that the local EC2 sees, as far as it looks at it."""

    def __init__(self) -> None:
        self.is_cut = False

    def setsockopt(self, *args: Any) -> None:
        pass

    def shutdown(self, how: int) -> None:
        pass

    def detach(self) -> int:
        """Who takes its descriptor cuts the connection."""
        self.is_cut = True
        return os.open(os.devnull, os.O_RDONLY)


class _Bytes(io.BytesIO):
    """What the client reads, until the line is dead."""

    def __init__(self, data: bytes, is_cut: bool) -> None:
        super().__init__(data)
        self._is_cut = is_cut

    def _or_dead(self, data: bytes) -> bytes:
        if self._is_cut and not data:
            raise ConnectionResetError("the local EC2 has cut the connection")
        return data

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._or_dead(super().readline(size))

    def read(self, size: int | None = -1, /) -> bytes:
        return self._or_dead(super().read(size)) if size else b""


class ClientsEnd:
    """The socket that urllib3 sees. One request, one answer."""

    def __init__(self, application: Application, time: VirtualTime) -> None:
        self._application, self._time = application, time
        self._sent = bytearray()
        self._timeout: float | None = None

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds

    def sendall(self, data: bytes) -> None:
        self._sent += data

    def makefile(self, mode: str, *args: Any, **options: Any) -> _Bytes:
        before = self._time.slept
        answer = _serve(self._application, bytes(self._sent))
        took = self._time.slept - before
        if self._timeout is not None and took > self._timeout:
            # Whoever asked has left; EC2 does its work all the same.
            self._time.slept = before + self._timeout
            raise TimeoutError("timed out")
        return answer

    def shutdown(self, how: int) -> None:
        pass

    def close(self) -> None:
        pass


def _serve(application: Application, request: bytes) -> _Bytes:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    url = urlsplit(target)
    end = _ServersEnd()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": unquote(url.path),
        "QUERY_STRING": url.query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "werkzeug.socket": end,
    }
    for line in lines:
        name, _, value = line.partition(":")
        name = name.upper().replace("-", "_")
        plain = name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        environ[name if plain else f"HTTP_{name}"] = value.strip()
    sent = bytearray()

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        shown = "".join(f"{name}: {value}\r\n" for name, value in headers)
        sent.extend(f"HTTP/1.0 {status}\r\n{shown}\r\n".encode("latin-1"))

    try:
        for part in application(environ, start_response):
            sent.extend(part)
    except ConnectionError:
        assert end.is_cut
    return _Bytes(bytes(sent), end.is_cut)


class Reading:
    """What moto has answered to a question, as long as its world stays as it is.

    Hubs list their machines every few seconds, and mostly nothing has changed; but to
    write such an answer is what takes most of the time that a call takes.
    """

    def __init__(self, cloud: LocalCloud, events: EventQueue) -> None:
        self._cloud, self._events = cloud, events
        self._ask = cloud.api._ask_moto
        self._changes = 0
        self.forget()

    def forget(self) -> None:
        """Another world begins."""
        #: what moto was asked last
        self.arrived: ApiRequest | None = None
        self._known: dict[tuple[str, bytes], Answer] = {}
        self._known_of: Any = None

    def __call__(self, request: ApiRequest) -> Answer:
        self.arrived = request
        if not request.action.startswith("Describe"):
            self._changes += 1
            return self._ask(request)
        if (answer := self.answer_to(request)) is None:
            answer = self._ask(request)
            if self._is_plain():
                self._known[request.region, request.body] = answer
        return answer

    def answer_to(self, request: ApiRequest) -> Answer | None:
        """What the same question was answered, if the world is still what it was."""
        if not self._is_plain():
            return None
        if self._known_of != (now := self._world()):
            self._known_of, self._known = now, {}
        return self._known.get((request.region, request.body))

    def _is_plain(self) -> bool:
        cloud = self._cloud
        return not cloud.settings.consistency_seconds and cloud.scripted == Fault()

    def _world(self) -> Any:
        """Changes when the world does, by calls, with time, or by a test's hand."""
        backends = [region.backend for region in self._cloud.regions.values()]
        return (
            self._changes,
            self._events.ran,
            self._cloud.settings,
            [(i.id, i.state) for i in self._cloud.all_instances()],
            [(v.id, v.status) for b in backends for v in b.volumes.values()],
            [(s.id, s.status) for b in backends for s in b.snapshots.values()],
            [(id, dict(tags)) for b in backends for id, tags in b.tags.items()],
            [id for b in backends for id in b.enis],
            [each.allocation_id for b in backends for each in b.addresses],
        )


def install(
    cloud: LocalCloud, events: EventQueue, patch: pytest.MonkeyPatch
) -> Reading:
    """Whoever connects to this cloud from now on does so in this thread."""
    reading = Reading(cloud, events)
    cloud.api._ask_moto = reading  # type: ignore[method-assign]
    # What moto looks up anew for each request.
    for name in ("backends.list_of_moto_modules", "core.utils.method_names_from_class"):
        _remember(f"moto.{name}", patch)
    _read_once(patch)
    application = Gate(cloud.api, ControlApi(cloud))
    port = urlsplit(cloud.endpoint_url).port
    connect = HTTPConnection._new_conn

    def new_connection(self: HTTPConnection) -> Any:
        if (self.host, self.port) != ("127.0.0.1", port):
            return connect(self)
        return ClientsEnd(application, events.time)

    patch.setattr(HTTPConnection, "_new_conn", new_connection)
    # The operating system knows of no such connection.
    patch.setattr("localec2.api.http._refusal", lambda environ: None)
    return reading


def _read_once(patch: pytest.MonkeyPatch) -> None:
    """Let botocore read an answer that it has read before from memory."""
    parse = ResponseParser.parse
    known: dict[tuple[str, bytes], Any] = {}

    def remembers(self: ResponseParser, response: Any, shape: Any) -> Any:
        listing = shape is not None and shape.name.startswith("Describe")
        if response["status_code"] != 200 or not listing:
            return parse(self, response, shape)
        if len(known) > 200:
            known.clear()
        key = (shape.name, response["body"])
        if key not in known:
            known[key] = parse(self, response, shape)
        # botocore writes into the metadata.
        metadata = {**known[key]["ResponseMetadata"]}
        return {**known[key], "ResponseMetadata": metadata}

    patch.setattr(ResponseParser, "parse", remembers)


def _remember(dotted: str, patch: pytest.MonkeyPatch) -> None:
    """Let a function of a module, wherever it is imported, work once for each input."""
    module, _, name = dotted.rpartition(".")
    function = getattr(importlib.import_module(module), name)
    known: dict[Any, list[Any]] = {}

    def remembers(*args: Any) -> list[Any]:
        if args not in known:
            known[args] = list(function(*args))
        return known[args]

    for place in [m for n, m in sys.modules.items() if n.startswith("moto.")]:
        if vars(place).get(name) is function:
            patch.setattr(place, name, remembers)


def remember_clients(patch: pytest.MonkeyPatch) -> None:
    """Making a client takes a tenth of a second, three times in each life
    of a Hub and each of its regions."""
    sessions: dict[str, boto3.Session] = {}
    made: dict[str, Any] = {}

    class Session:
        def __init__(self, region_name: str = "us-west-2") -> None:
            if region_name not in sessions:
                sessions[region_name] = boto3.Session(region_name=region_name)
            self._session = sessions[region_name]

        def get_credentials(self) -> Any:
            return self._session.get_credentials()

        def client(self, service: str, endpoint_url: str | None, config: Any) -> Any:
            options = sorted(vars(config).items(), key=str)
            key = repr((self._session.region_name, service, endpoint_url, options))
            if key not in made:
                client = self._session.client(
                    service, endpoint_url=endpoint_url, config=config
                )
                made[key] = client, copy.copy(client.meta.events)
            client, events = made[key]
            # What others have registered there, dead or alive, is not ours.
            client = _like(client)
            client.meta = _like(client.meta)
            client.meta.events = copy.copy(events)
            client._endpoint = _like(client._endpoint)
            client._endpoint._event_emitter = client.meta.events
            return client

    patch.setattr(clients, "boto3", SimpleNamespace(Session=Session))
    # A session registers two hundred handlers, and is asked for nothing else here.
    patch.setattr(clients, "_new_session", Session)
    _remember_names_of_events(patch)


def _remember_names_of_events(patch: pytest.MonkeyPatch) -> None:
    """botocore looks them up among two hundred others, anew for each client."""
    look_up, known = EventAliaser._alias_event_name, dict[str, str]()

    def remembers(self: EventAliaser, name: str) -> str:
        if name not in known:
            known[name] = look_up(self, name)
        return known[name]

    patch.setattr(EventAliaser, "_alias_event_name", remembers)


def _like(thing: Any) -> Any:
    """A shallow copy; ``copy`` asks a client for methods that it takes for EC2's."""
    twin = object.__new__(type(thing))
    vars(twin).update(vars(thing))
    return twin
