"""The Hub's side of the claim: the routes under ``/hub/api/ec2spawner/``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus

from jupyterhub.apihandlers import default_handlers
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.metrics import prometheus_log_method
from tornado import web

from ..core.errors import EC2SpawnError
from .agent.wire import OURS
from .messages import Claim, Heartbeat, Report, SchemaError
from .registry import Claimant, Registry
from .verify import Verdict, judge_claim, may_report, was_its_machine

_RETRY_SECONDS = 1
# How long a machine waits for one answer: less than the agent's time-out, after which
# it would take the Hub for one that is away.
_ORDERS_SECONDS = 10.0


class MachineHandler(APIHandler):  # type: ignore[misc]
    """A request by a machine, which has no token, no cookie and no user."""

    _registry: Callable[[], Registry]

    def initialize(self, registry: Callable[[], Registry]) -> None:
        """Tornado's hook for what a route is registered with."""
        self._registry = registry

    def set_default_headers(self) -> None:
        """Tornado's hook for every answer, errors too. What lacks this header is not
        the Hub's word for a machine, but that of something in between."""
        super().set_default_headers()
        self.set_header(OURS, "1")

    #: answers that are no news: every machine gets them again and again
    routine: frozenset[HTTPStatus] = frozenset()

    def _log(self) -> None:
        # Tornado keeps this method for those who override it (``tornado/web.py``).
        if self.get_status() not in self.routine:
            super()._log()
            return
        prometheus_log_method(self)
        self.log.debug("%i %s (%s)", self.get_status(), self.request.path, self.source)

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
        sock = self.request.connection.stream.socket
        return str(sock.getpeername()[0]) if sock else ""

    def refuse(self, status: HTTPStatus, launch_id: str, why: str) -> web.HTTPError:
        """An answer that tells a stranger nothing, and a log line that tells all."""
        self.log.warning(
            "Refused a request to %s for launch %.40r from %s: %s",
            self.request.path,
            launch_id,
            self.source,
            why,
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

    async def post(self) -> None:
        try:
            claim = Claim.from_json(self.request.body)
        except SchemaError as e:
            raise self.refuse(HTTPStatus.BAD_REQUEST, "", str(e)) from e
        claimant = self.claimant(claim.launch_id)
        verdict = self.judge(claimant, claim)
        if verdict is Verdict.FIRST:
            # EC2 gives an address to the next machine as soon as it is free.
            owner = await claimant.owns_its_address()
            verdict = self.judge(claimant, claim) if owner else Verdict.NOT_YET
        if verdict is Verdict.NOT_YET:
            self.not_yet()
            return
        if verdict is Verdict.TAKEN:
            raise self.refuse(HTTPStatus.CONFLICT, claim.launch_id, verdict.value)
        if verdict is Verdict.REFUSED:
            raise self.refuse(HTTPStatus.FORBIDDEN, claim.launch_id, verdict.value)
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

    async def post(self) -> None:
        try:
            report = Report.from_json(self.request.body)
        except SchemaError as e:
            raise self.refuse(HTTPStatus.BAD_REQUEST, "", str(e)) from e
        claimant = self.claimant(report.launch_id)
        if not may_report(claimant.launch, report, self.source):
            raise self.refuse(HTTPStatus.FORBIDDEN, report.launch_id, "not its machine")
        claimant.heard(report)
        self.set_status(HTTPStatus.NO_CONTENT)


class HeartbeatHandler(MachineHandler):
    """``POST /hub/api/ec2spawner/heartbeat``: whether a machine still has a server.

    Thousands of machines ask: it costs no query and writes nothing.
    """

    routine = frozenset({HTTPStatus.OK})

    async def post(self) -> None:
        try:
            heartbeat = Heartbeat.from_json(self.request.body)
        except SchemaError as e:
            raise self.refuse(HTTPStatus.BAD_REQUEST, "", str(e)) from e
        launch_id = heartbeat.launch_id
        doomed = self._registry().doomed(launch_id)
        if doomed is not None and was_its_machine(doomed, heartbeat):
            # Only who is known is sent away. A Hub that has lost its database knows
            # nobody, and must not end everybody's work.
            raise web.HTTPError(HTTPStatus.GONE, "its server has ended")
        claimant = self.claimant(launch_id)
        if not may_report(claimant.launch, heartbeat, self.source):
            raise self.refuse(HTTPStatus.FORBIDDEN, launch_id, "not its machine")
        self.finish({"hub_silence_limit": claimant.hub_silence_limit})


def register(registry: Callable[[], Registry]) -> None:
    """Add the routes to the Hub that this process is about to become.

    :param registry: gives the launches of this process at the time of a request
    """
    known = {route[0] for route in default_handlers}
    routes = [
        (r"/api/ec2spawner/claim", ClaimHandler),
        (r"/api/ec2spawner/report", ReportHandler),
        (r"/api/ec2spawner/heartbeat", HeartbeatHandler),
    ]
    default_handlers.extend(
        (path, handler, {"registry": registry})
        for path, handler in routes
        if path not in known
    )
