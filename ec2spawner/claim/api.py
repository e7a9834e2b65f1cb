"""The Hub's side of the claim: the routes under ``/hub/api/ec2spawner/``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar

from jupyterhub.apihandlers import default_handlers
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.metrics import prometheus_log_method
from tornado import web

from ..core.errors import EC2SpawnError
from .agent.wire import OURS
from .messages import BODY_LIMIT, Claim, Heartbeat, Report, SchemaError
from .rate_limits import RateLimits
from .registry import Claimant, Registry
from .verify import Verdict, is_roots, judge_claim, may_report, was_its_machine

_RETRY_SECONDS = 1
# How long a machine waits for one answer: less than the agent's time-out, after which
# it would take the Hub for one that is away.
_ORDERS_SECONDS = 10.0
# How long a body may take. Tornado itself would wait for ever.
_BODY_SECONDS = 10.0
# Tornado reads and drops what is announced to be longer than it likes, with a line in
# the log; of what we have refused by then nothing is read.
_ANY_LENGTH = 1 << 62


@web.stream_request_body
class MachineHandler(APIHandler):  # type: ignore[misc]
    """A request by a machine, which has no token, no cookie and no user.

    Anybody who reaches the Hub can send one. So nothing of it is read before its size
    is known to be right, and nothing looked up before its sender's rate is.
    """

    _registry: Callable[[], Registry]
    _rate_limits: Callable[[], RateLimits]
    #: answers that are no news: every machine gets them again and again
    routine: ClassVar[frozenset[HTTPStatus]] = frozenset()

    def initialize(
        self,
        registry: Callable[[], Registry],
        rate_limits: Callable[[], RateLimits],
    ) -> None:
        """Tornado's hook for what a route is registered with."""
        self._registry, self._rate_limits = registry, rate_limits
        self._body = bytearray()
        # The Hub asks its database who somebody is; who this is, the body says.
        self._jupyterhub_user = None
        self.expanded_scopes: set[str] = set()

    def set_default_headers(self) -> None:
        """Tornado's hook for every answer, errors too. What lacks this header is not
        the Hub's word for a machine, but that of something in between."""
        super().set_default_headers()
        self.set_header(OURS, "1")

    def prepare(self) -> None:
        """Tornado's hook between the headers and the body: refuse what is too long."""
        connection, headers = self.request.connection, self.request.headers
        length = headers.get("Content-Length", "0")
        # Of a body in chunks nobody knows how long it is.
        if "Transfer-Encoding" in headers or not length.isdecimal():
            why, status = "no length", HTTPStatus.LENGTH_REQUIRED
        elif len(length) > 9 or int(length) > BODY_LIMIT:
            why, status = "too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        else:
            connection.set_body_timeout(_BODY_SECONDS)
            return
        connection.set_max_body_size(_ANY_LENGTH)
        # Tornado closes the connection, as the body has not been read.
        raise self.refuse(status, "", why)

    def data_received(self, chunk: bytes) -> None:
        """Tornado's hook for each part of the body."""
        self._body += chunk

    async def post(self) -> None:
        if not self._rate_limits().sources.take(self.source):
            return self.too_often()
        try:
            message = self.read(bytes(self._body))
        except SchemaError as e:
            raise self.refuse(HTTPStatus.BAD_REQUEST, "", str(e)) from e
        await self.answer(message)

    def read(self, body: bytes) -> Any:
        """:raises SchemaError: for any body that is not what the route wants"""
        raise NotImplementedError

    async def answer(self, message: Any) -> None:
        """Answer what was read."""
        raise NotImplementedError

    def may_go_on(self, launch_id: str) -> bool:
        """Whether the machine of a launch does not ask too often; else it is told.

        Only for who has shown to be it: the id of a launch is no secret.
        """
        if self._rate_limits().launches.take(launch_id):
            return True
        self.too_often()
        return False

    def too_often(self) -> None:
        self.set_status(HTTPStatus.TOO_MANY_REQUESTS)
        self.set_header("Retry-After", str(_RETRY_SECONDS))

    def _log(self) -> None:
        # Tornado keeps this method for those who override it (``tornado/web.py``).
        status = self.get_status()
        # What was refused, ``refuse`` has told, as often as is good.
        if status not in self.routine and not 400 <= status < 500:
            super()._log()
            return
        prometheus_log_method(self)
        self.log.debug("%i %s (%s)", status, self.request.path, self.source)

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """Tornado's hook: it would tell of each refusal once more."""
        if not isinstance(error, web.HTTPError):
            super().log_exception(kind, error, trace)

    def not_yet(self) -> None:
        """Let the machine ask again in a moment."""
        self.set_status(HTTPStatus.SERVICE_UNAVAILABLE)
        self.set_header("Retry-After", str(_RETRY_SECONDS))

    @property
    def source(self) -> str:
        """The peer of the connection.

        Not ``request.remote_ip``: the Hub lets any caller set that by
        X-Forwarded-For (``xheaders=True`` in ``jupyterhub/app.py``).
        """
        return self._peer[0]

    @property
    def source_port(self) -> int:
        return self._peer[1]

    @property
    def _peer(self) -> tuple[str, int]:
        sock = self.request.connection.stream.socket
        address, port = sock.getpeername()[:2] if sock else ("", 0)
        return str(address), int(port)

    def refuse(self, status: HTTPStatus, launch_id: str, why: str) -> web.HTTPError:
        """An answer that tells a stranger nothing, and a log line that tells all."""
        if self._rate_limits().worth_a_line(self.source):
            self.log.warning(
                "Refused a request to %s for launch %.40r from %s: %s (%i)",
                self.request.path,
                launch_id,
                self.source,
                why,
                status,
            )
        return web.HTTPError(status, "refused")

    def claimant(self, launch_id: str) -> Claimant:
        found = self._registry().get(launch_id)
        if found is None:
            raise self.refuse(HTTPStatus.FORBIDDEN, launch_id, "no such launch")
        return found


class ClaimHandler(MachineHandler):
    """``POST /hub/api/ec2spawner/claim``: orders for a machine that proves itself."""

    routine = frozenset({HTTPStatus.SERVICE_UNAVAILABLE})

    def read(self, body: bytes) -> Claim:
        return Claim.from_json(body)

    async def answer(self, claim: Claim) -> None:
        claimant = self.claimant(claim.launch_id)
        if claimant.claims_as_root and not is_roots(self.source_port):
            why = f"port {self.source_port} is not one of root's"
            raise self.refuse(HTTPStatus.FORBIDDEN, claim.launch_id, why)
        verdict = self.judge(claimant, claim)
        if verdict is Verdict.FIRST:
            # EC2 gives an address to the next machine as soon as it is free.
            owner = await claimant.owns_its_address()
            verdict = self.judge(claimant, claim) if owner else Verdict.NOT_YET
        if verdict is Verdict.FIRST and (why := claimant.why_not_its(claim)):
            raise self.refuse(HTTPStatus.FORBIDDEN, claim.launch_id, why)
        if verdict is Verdict.NOT_YET:
            self.not_yet()
            return
        if verdict is Verdict.TAKEN:
            raise self.refuse(HTTPStatus.CONFLICT, claim.launch_id, verdict.value)
        if verdict is Verdict.REFUSED:
            raise self.refuse(HTTPStatus.FORBIDDEN, claim.launch_id, verdict.value)
        if not self.may_go_on(claim.launch_id):
            return
        try:
            giving = claimant.give_orders(claim)
            orders = await asyncio.wait_for(giving, _ORDERS_SECONDS)
        except asyncio.TimeoutError:
            # Its home is on the way: the machine is known, and is to wait.
            self.set_status(HTTPStatus.ACCEPTED)
            return
        except EC2SpawnError as e:
            # The start fails with it; the machine will be ended.
            self.log.warning("No orders for launch %s: %s", claim.launch_id, e)
            self.not_yet()
            return
        self.set_header("Cache-Control", "no-store")
        self.finish(orders.to_json())

    def judge(self, claimant: Claimant, claim: Claim) -> Verdict:
        return judge_claim(
            claimant.launch, claim, self.source, time.time(), claimant.claim_timeout
        )


class ReportHandler(MachineHandler):
    """``POST /hub/api/ec2spawner/report``: a step of a machine with orders."""

    # What it says is logged as progress.
    routine = frozenset({HTTPStatus.NO_CONTENT})

    def read(self, body: bytes) -> Report:
        return Report.from_json(body)

    async def answer(self, report: Report) -> None:
        claimant = self.claimant(report.launch_id)
        if not may_report(claimant.launch, report, self.source):
            raise self.refuse(HTTPStatus.FORBIDDEN, report.launch_id, "not its machine")
        if not self.may_go_on(report.launch_id):
            return
        claimant.alive()
        claimant.heard(report)
        self.set_status(HTTPStatus.NO_CONTENT)


class HeartbeatHandler(MachineHandler):
    """``POST /hub/api/ec2spawner/heartbeat``: whether a machine still has a server.

    Thousands of machines ask: it costs no query and writes nothing.
    """

    routine = frozenset({HTTPStatus.OK})

    def read(self, body: bytes) -> Heartbeat:
        return Heartbeat.from_json(body)

    async def answer(self, heartbeat: Heartbeat) -> None:
        launch_id = heartbeat.launch_id
        doomed = self._registry().doomed(launch_id)
        if doomed is not None and was_its_machine(doomed, heartbeat):
            # Only who is known is sent away. A Hub that has lost its database knows
            # nobody, and must not end everybody's work.
            raise web.HTTPError(HTTPStatus.GONE, "its server has ended")
        claimant = self.claimant(launch_id)
        if not may_report(claimant.launch, heartbeat, self.source):
            raise self.refuse(HTTPStatus.FORBIDDEN, launch_id, "not its machine")
        if not self.may_go_on(launch_id):
            return
        claimant.alive()
        if heartbeat.seen is not None:
            claimant.saw(heartbeat.seen)
        answer = {"hub_silence_limit": claimant.hub_silence_limit}
        answer["next"] = claimant.next_beat
        self.finish({**answer, "told": claimant.told()})


#: below the Hub's own path
ROUTES: tuple[tuple[str, type[MachineHandler]], ...] = (
    (r"/api/ec2spawner/claim", ClaimHandler),
    (r"/api/ec2spawner/report", ReportHandler),
    (r"/api/ec2spawner/heartbeat", HeartbeatHandler),
)


def register(
    registry: Callable[[], Registry], rate_limits: Callable[[], RateLimits]
) -> None:
    """Add the routes to the Hub that this process is about to become.

    :param registry: gives the launches of this process at the time of a request
    :param rate_limits: gives those of this process
    """
    known = {route[0] for route in default_handlers}
    default_handlers.extend(
        (path, handler, {"registry": registry, "rate_limits": rate_limits})
        for path, handler in ROUTES
        if path not in known
    )


def withdraw() -> None:
    """The Hub's own port has none of them: machines have another (``listener.py``)."""
    ours = {path for path, _ in ROUTES}
    default_handlers[:] = [each for each in default_handlers if each[0] not in ours]
