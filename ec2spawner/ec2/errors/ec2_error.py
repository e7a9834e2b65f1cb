"""A call to AWS that did not succeed: from what boto3 raised to what it means."""

from __future__ import annotations

import re
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)

from .kinds import Kind, Meaning
from .table import NO_CREDENTIALS, UNKNOWN_REFUSAL, UNKNOWN_TROUBLE, meaning_of


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
    """Translate what boto3 raised."""
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        code = str(details.get("Code", "Unknown"))
        return EC2Error(
            action, code, str(details.get("Message", "")), meaning_of(code, status)
        )
    name = type(error).__name__
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return EC2Error(action, name, str(error), NO_CREDENTIALS)
    if isinstance(error, (NoRegionError, ParamValidationError)):
        return EC2Error(action, name, str(error), UNKNOWN_REFUSAL)
    # Connections that broke, time-outs, answers that cannot be parsed.
    assert isinstance(error, (BotoCoreError, OSError))
    return EC2Error(action, name, str(error), UNKNOWN_TROUBLE)


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
