"""A call to AWS that did not succeed: from what boto3 raised to what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError

from .kinds import Kind, Meaning
from .table import (
    FOREIGN_ANSWER,
    NO_CREDENTIALS,
    UNKNOWN_REFUSAL,
    UNKNOWN_TROUBLE,
    meaning_of,
)

# A code of AWS's; what botocore makes of a page that has none is a number, or this.
_CODE = re.compile(r"(?!Unknown$)[A-Za-z]")
#: Nothing was asked of AWS, as nobody could sign it. A newer boto3 may know more of
#: them, which a test finds; an older one lacks some.
_OF_CREDENTIALS = tuple(
    vars(botocore)[name]
    for name in (
        "ConfigNotFound",
        "ConfigParseError",
        "CredentialRetrievalError",
        "InvalidConfigError",
        "InvalidIMDSEndpointError",
        "InvalidIMDSEndpointModeError",
        "LoginError",
        "MetadataRetrievalError",
        "MissingDependencyException",
        "NoAuthTokenError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "RefreshWithMFAUnsupportedError",
        "SSOError",
        "TokenRetrievalError",
        "UnknownCredentialError",
        "UnknownTokenProviderError",
    )
    if name in vars(botocore)
)
# They can come right by themselves, but not within this call.
_OF_SETTINGS = (
    botocore.BaseEndpointResolverError,
    botocore.InvalidProxiesConfigError,
    botocore.ParamValidationError,
    botocore.ValidationError,
)
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")


class EC2Error(Exception):
    """A call to AWS that did not succeed.

    :ivar action: the API action, ``RunInstances``
    :ivar code: AWS's error code, or botocore's exception name when none came
    :ivar message: AWS's own words
    :ivar meaning: the row of the table that applies
    """

    def __init__(self, action: str, code: str, message: str, meaning: Meaning) -> None:
        super().__init__(f"{action}: {code}: {message}")
        self.action = action
        self.code = code
        self.message = message
        self.meaning = meaning

    @property
    def kind(self) -> Kind:
        return self.meaning.kind


def from_botocore(action: str, error: Exception) -> EC2Error:
    """Translate what a call raised, whatever it is: also what nobody thought of."""
    if isinstance(error, botocore.ClientError):
        return _from_answer(action, error)
    name, words = type(error).__name__, _first_line(str(error))
    if isinstance(error, _OF_CREDENTIALS):
        return EC2Error(action, name, words, NO_CREDENTIALS)
    if isinstance(error, _OF_SETTINGS):
        return EC2Error(action, name, str(error), UNKNOWN_REFUSAL)
    if isinstance(error, (botocore.BotoCoreError, OSError)):
        # Connections that broke, time-outs.
        return EC2Error(action, name, words, UNKNOWN_TROUBLE)
    # An answer that cannot be parsed, or lacks what we look for in it.
    return EC2Error(action, name, words, FOREIGN_ANSWER)


def _from_answer(action: str, error: botocore.ClientError) -> EC2Error:
    details = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    code, words = str(details.get("Code", "")), str(details.get("Message", ""))
    if _CODE.match(code):
        return EC2Error(action, code, words, meaning_of(code, status, words))
    said = f"HTTP {status}, without an error code of AWS"
    return EC2Error(action, "ForeignAnswer", said, FOREIGN_ANSWER)


def _first_line(text: str) -> str:
    """Of a text that may end with a whole answer, which is nobody's to read."""
    return text.partition("Further retries may succeed")[0].split("\n")[0].strip()[:300]


def check_whose(http_response: Any, parsed: Mapping[str, Any], **_: Any) -> None:
    """An ``after-call`` handler of EC2 clients: refuse a success that is not EC2's.

    A page of somebody else's that happens to be well-formed XML parses, to an answer
    in which everything is missing. Each of EC2's has the id of its request.

    :raises ResponseParserError: as for a page that is not well-formed
    """
    metadata = parsed.get("ResponseMetadata", {})
    if http_response.status_code < 300 and "RequestId" not in metadata:
        raise ResponseParserError("an answer without a request id is not EC2's")


def has_expired(error: Exception) -> bool:
    """Whether AWS found the credentials, or the signature of a call, too old."""
    if not isinstance(error, botocore.ClientError):
        return False
    return error.response.get("Error", {}).get("Code") in _EXPIRED


# IAM user guide, "Troubleshoot access denied error messages".
_DENIED = re.compile(
    r"not authorized to perform: (?P<action>[\w:*-]+)"
    r"(?: on resource: (?P<resource>[^\s]+))?"
    r"(?:.*?explicit deny in (?P<denier>an? [a-z -]+?polic(?:y|ies)"
    r"|a permissions boundary))?",
    re.DOTALL,
)
_ENCODED = re.compile(r"\s*Encoded authorization failure message: \S+")


@dataclass(frozen=True)
class Denial:
    """What the Hub's AWS identity may not do.

    :ivar denier: the kind of policy that forbids it outright; empty when none
        does and the right is merely not given
    """

    action: str
    resource: str
    denier: str = ""

    def __str__(self) -> str:
        if self.denier:
            return (
                f"-- {self.denier} forbids {self.action} on {self.resource}: "
                "the Hub's own policy cannot allow it before that is changed"
            )
        return f"-- allow {self.action} on {self.resource} in the IAM policy of the Hub"


def denial(error: EC2Error) -> Denial | None:
    """The action and resource that AWS says are not allowed, if it names them."""
    if match := _DENIED.search(error.message):
        resource = (match["resource"] or "*").rstrip(".,")
        return Denial(match["action"], resource, match["denier"] or "")
    return None


def zones_named(error: EC2Error) -> tuple[str, ...]:
    """The zones in which EC2's own words recommend to try again, in its order."""
    match = re.search(r"choosing ([a-z0-9-]+(?:, (?:or )?[a-z0-9-]+)*)", error.message)
    return tuple(re.split(r", (?:or )?", match[1])) if match else ()


def admin_hint(error: EC2Error) -> str:
    """The sentence for the Hub's log: what happened and what to change."""
    denied = denial(error)
    if denied:
        # Named in plain words, so the encoded ones are only noise.
        return f"{_ENCODED.sub('', str(error))} {denied}"
    if _ENCODED.search(error.message):
        return (
            f"{error} -- to read what is missing: "
            "aws sts decode-authorization-message --encoded-message ..."
        )
    hint = error.meaning.hint
    return f"{error} -- {hint}" if hint else str(error)
