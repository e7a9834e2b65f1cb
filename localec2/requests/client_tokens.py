"""Client tokens.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import AwsError

#: longest client token, ASCII characters
LIMIT = 64


@dataclass
class Remembered:
    """What a token stands for."""

    fingerprint: str
    body: bytes
    content_type: str
    instance_ids: list[str] = field(default_factory=list)


class ClientTokens:
    """Answers by (action, token, zone). The caller holds the world's lock."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Remembered] = {}

    def recall(
        self, action: str, token: str, zone: str, params: Mapping[str, str]
    ) -> Remembered | None:
        """The first answer to this token, None when it is new."""
        known = self._known.get((action, token, zone))
        if known is None:
            return None
        if known.fingerprint != _fingerprint(params):
            raise AwsError(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with "
                "arguments used in previous request(s).",
            )
        return known

    def remember(
        self,
        action: str,
        token: str,
        zone: str,
        params: Mapping[str, str],
        content_type: str,
        body: bytes,
        instance_ids: list[str],
    ) -> None:
        self._known[action, token, zone] = Remembered(
            _fingerprint(params), body, content_type, instance_ids
        )


def _fingerprint(params: Mapping[str, str]) -> str:
    """Of everything the caller asked for. A dry run asks for something else."""
    text = repr(sorted((k, v) for k, v in params.items() if k != "ClientToken"))
    return hashlib.sha256(text.encode()).hexdigest()
