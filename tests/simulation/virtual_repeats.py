"""Questions that boto3 asks again while nothing has changed: answered as before.

Hubs list their machines every few seconds. To write the same request and to read the
same answer takes boto3 longer than all that the product does with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.endpoint import Endpoint

from localec2.api.dispatch import Answer
from localec2.requests.request import ApiRequest
from localec2.serve import LocalCloud

from .virtual_hub import acting
from .virtual_wire import Reading


@dataclass
class _Asked:
    """A question as boto3 has written it, and its answer as boto3 has read it."""

    written: Any
    arrived: ApiRequest
    answer: Answer
    http: Any
    parsed: dict[str, Any]


class Repeats:
    """
    :param reading: knows whether the world is still what it was
    """

    def __init__(self, cloud: LocalCloud, reading: Reading) -> None:
        self._cloud, self._reading = cloud, reading
        self._asked: dict[Any, _Asked] = {}
        self._written: Any = None

    def forget(self) -> None:
        """Another world begins."""
        self._asked.clear()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        really, send = Endpoint.make_request, Endpoint._send

        def make_request(endpoint: Endpoint, model: Any, request: Any) -> Any:
            if not model.name.startswith("Describe") or not self._is_quiet():
                return really(endpoint, model, request)
            context = request["context"]
            key = request["url"], context["client_region"], repr(request["body"])
            if (before := self._asked.get(key)) and self._is_so(before):
                return self._again(before, endpoint, model) or really(
                    endpoint, model, request
                )
            self._reading.arrived = None
            http, parsed = really(endpoint, model, request)
            self._keep(key, http, parsed)
            return http, parsed

        def sends(endpoint: Endpoint, request: Any) -> Any:
            self._written = request
            return send(endpoint, request)

        patch.setattr(Endpoint, "make_request", make_request)
        patch.setattr(Endpoint, "_send", sends)

    def _is_quiet(self) -> bool:
        """Nothing is to become of a call but its answer."""
        late = acting.hub is not None and acting.hub.world.late.expected
        settings = self._cloud.settings
        return not (late or settings.throttle or self._cloud.faults.listing())

    def _is_so(self, before: _Asked) -> bool:
        return self._reading.answer_to(before.arrived) is before.answer

    def _keep(self, key: Any, http: Any, parsed: dict[str, Any]) -> None:
        arrived = self._reading.arrived
        if http.status_code != 200 or arrived is None:
            return
        if (answer := self._reading.answer_to(arrived)) is not None:
            self._asked[key] = _Asked(self._written, arrived, answer, http, parsed)

    def _again(self, before: _Asked, endpoint: Endpoint, model: Any) -> Any:
        """None when it is to be asked after all."""
        events, log = endpoint._event_emitter, self._cloud.log
        events.emit(f"before-send.ec2.{model.name}", request=before.written)
        if not (self._is_quiet() and self._is_so(before)):
            # Somebody has waited for this very call.
            acting.hub.has_noted = True
            return None
        log.close(log.open(before.arrived), 200, None)
        events.emit(f"response-received.ec2.{model.name}")
        # botocore writes into the metadata.
        metadata = {**before.parsed["ResponseMetadata"]}
        return before.http, {**before.parsed, "ResponseMetadata": metadata}
