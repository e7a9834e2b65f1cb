"""The schemas of what machine and Hub say to each other.

A machine's agent may be of a later version than the Hub, which was put back meanwhile:
fields that nobody here knows are left alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, NoReturn

from ..core.idleness import Seen
from .texts import is_plain, last_lines, one_line

# A log of 4,000 characters may take twelve bytes for each, escaped as JSON is.
BODY_LIMIT = 65_536
# What runs on a machine, as users read it: a few of it, and a few words each.
_REASONS, _REASON_LENGTH = 5, 60


class SchemaError(ValueError):
    """A body that is not what the schema says."""


class Step(str, Enum):
    """The steps that an agent reports. Nothing else is understood."""

    ACCOUNT = "account"
    HOME = "home"
    MOUNTED = "mounted"
    #: the home cannot be mounted; the server starts with an empty one
    RESCUE = "rescue"
    DATA = "data"
    SETUP = "setup"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    WARNING = "warning"
    FAILED = "failed"
    EXITED = "exited"
    #: EC2 takes the machine back; the message says how and when
    INTERRUPTION = "interruption"
    #: EC2 may soon take it back; the message says since when
    REBALANCE = "rebalance"


@dataclass(frozen=True)
class DataVolume:
    """A volume that is to be mounted, read-only. ``device`` is EC2's name for it."""

    volume_id: str
    device: str
    mount_path: str


@dataclass(frozen=True)
class Orders:
    """What a machine is told, once a boot. Holds secrets: never log it."""

    account: str
    #: the number that the account is to have; 0 for that of its files, or any
    user_uid: int
    command: list[str]
    env: dict[str, str]
    server_path: list[str]
    setup_script: str
    ready_url: str
    block_metadata: bool
    #: seconds after which a machine ends that has not heard from the Hub
    hub_silence_limit: float
    #: seconds that a machine may run; 0 for no limit
    max_lifetime: float
    #: seconds after which its server is stopped that nobody uses; 0 for never. The
    #: machine obeys it only where there is no Hub any more
    idle_timeout: float
    #: seconds that a press of *Keep* gives
    keep_seconds: float
    #: the volume that is the account's home directory; empty for none
    home_volume: str
    home_seed: str
    data_volumes: list[DataVolume]
    #: the machine may hibernate, and is to notice when it wakes up
    hibernates: bool
    #: the program that obeys all this: file name -> source
    agent: Mapping[str, str] = field(repr=False)
    #: the server that was in memory goes on as it is: its token is valid again, and
    #: ``env`` lacks it
    goes_on: bool = False
    #: the repository whose files the home gets: url, ref, folder; empty for none, and
    #: without a url that which is in the image
    content: Mapping[str, str] = field(default_factory=dict)
    #: what shows people in Jupyter what they are told: path below its folder -> text;
    #: empty when they are to be told nothing
    kit: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: what they are told first (``server/told/words.py``)
    told: Mapping[str, Any] = field(default_factory=dict)
    #: keys and certificates (``certificates.py``); empty for a server without TLS
    tls: Mapping[str, str] = field(default_factory=dict, repr=False)

    def to_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Claim:
    """A machine's claim. ``machine_key`` is a secret that it made for this launch."""

    launch_id: str
    nonce: str
    machine_key: str
    #: no server can be in its memory, as it has booted
    booted: bool = False
    #: its identity document, signed by EC2 (``identity.py``); empty without one
    identity: str = field(default="", repr=False)

    @classmethod
    def from_json(cls, body: bytes) -> Claim:
        """:raises SchemaError: for any body but one claim"""
        fields = _fields(body)
        booted = fields.pop("booted", False)  # agents of before do not say
        if not isinstance(booted, bool):
            raise SchemaError("booted must be true or false")
        identity = _text(fields.pop("identity", ""))
        names = ("launch_id", "nonce", "machine_key")
        return cls(**_plain(fields, names), booted=booted, identity=identity)


@dataclass(frozen=True)
class Heartbeat:
    """A machine's question whether it still has a server, and what it sees of its use.

    ``seen`` is None of an agent that does not look.
    """

    launch_id: str
    machine_key: str
    seen: Seen | None = None

    @classmethod
    def from_json(cls, body: bytes) -> Heartbeat:
        """:raises SchemaError: for any body but one heartbeat"""
        fields = _fields(body)
        seen = _seen(fields.pop("seen", None))
        return cls(**_plain(fields, ("launch_id", "machine_key")), seen=seen)


@dataclass(frozen=True)
class Report:
    """A step on the machine. ``seconds`` counts from its claim, by its own clock.

    ``message`` is a line and ``log`` a few, both fit to be shown (``texts.py``).
    """

    launch_id: str
    machine_key: str
    step: Step
    message: str
    log: str
    seconds: float

    @classmethod
    def from_json(cls, body: bytes) -> Report:
        """:raises SchemaError: for any body but one report"""
        fields = _fields(body)
        seconds = _seconds(fields.pop("seconds", None))
        message, log = (_text(fields.pop(name, None)) for name in ("message", "log"))
        texts = _plain(fields, ("launch_id", "machine_key", "step"))
        try:
            step = Step(texts.pop("step"))
        except ValueError as e:
            raise SchemaError("unknown step") from e
        return cls(
            **texts,
            step=step,
            message=one_line(message),
            log=last_lines(log),
            seconds=seconds,
        )


def _fields(body: bytes) -> dict[str, Any]:
    if len(body) > BODY_LIMIT:
        raise SchemaError("too large")
    try:
        fields = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as e:
        raise SchemaError("not JSON") from e
    if not isinstance(fields, dict):
        raise SchemaError("not an object")
    return fields


def _no_number(constant: str) -> NoReturn:
    """NaN and Infinity, which JSON does not have (RFC 8259, 6)."""
    raise SchemaError(f"{constant} is no number")


def _plain(fields: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    """Ids and secrets of ours; what we cannot have made is refused."""
    if not fields.keys() >= set(names):
        raise SchemaError("fields are missing")
    texts = {name: _text(fields[name]) for name in names}
    if not all(map(is_plain, texts.values())):
        raise SchemaError("not plain text")
    return texts


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise SchemaError("wrong types")
    return value


def _seen(value: object) -> Seen | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise SchemaError("seen is not an object")
    why, sees = value.get("why_active", []), value.get("sees_people", False)
    if not (isinstance(why, list) and isinstance(sees, bool)):
        raise SchemaError("wrong types")
    return Seen(
        human_idle=_since(value.get("human_idle")),
        compute_idle=_since(value.get("compute_idle")),
        why_active=tuple(one_line(_text(w))[:_REASON_LENGTH] for w in why[:_REASONS]),
        sees_people=sees,
        keep=_since(value.get("keep", 0)),
    )


def _since(value: object) -> float:
    if (seconds := _seconds(value)) < 0:
        raise SchemaError("seconds are below 0")
    return seconds


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SchemaError("seconds must be a number")
    try:
        seconds = float(value)
    except OverflowError as e:
        raise SchemaError("seconds is too large") from e
    if not math.isfinite(seconds):
        raise SchemaError("seconds is too large")
    return seconds
