"""``ServerState`` <-> the dict in the Hub's database. Pure.

Version 2 is nested as the dataclasses are. Version 1 was flat, and is read. What a
newer version has added is kept at the top and ignored below it; what cannot be read is
an error, never a guess: whoever reads must not write over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from enum import Enum
from typing import Any, TypeVar

from .idleness import IdlePolicy
from .state import (
    Doomed,
    HomeRef,
    LastStop,
    Launch,
    Phase,
    ServerInMemory,
    ServerState,
    StoppedMachine,
    Wish,
)

STATE_VERSION = 2

T = TypeVar("T")

# What else is among the keys of the Hub's dict, and not read back.
_NOT_OURS = {"version", "notices"}


class UnreadableState(ValueError):
    """A saved state that cannot be read. The text says what of it."""


def to_dict(state: ServerState) -> dict[str, Any]:
    """A JSON-able dict with the fields that hold something."""
    saved = _slim({**asdict(state), "unknown": None})
    return {**state.unknown, **saved, "version": STATE_VERSION}


def from_dict(saved: Mapping[str, Any]) -> ServerState:
    """Read a state dict, of this version, an older one or a newer one.

    :raises UnreadableState: when a known field holds what it cannot hold
    """
    try:
        if not isinstance(saved, Mapping):
            raise TypeError(f"not an object but {type(saved).__name__}")
        version = saved.get("version", STATE_VERSION if "launch" in saved else 1)
        if not _is_a(int, version) or version < 1:
            raise ValueError(f"version is {version!r:.100}")
        return _read(_upgraded(saved) if version == 1 else saved)
    except (TypeError, ValueError, AttributeError) as e:
        raise UnreadableState(str(e)) from e


def home_in(saved: Mapping[str, Any] | None) -> HomeRef | None:
    """The home that a saved state names, even if nothing else of it can be read."""
    if not saved:
        return None
    try:
        return from_dict(saved).home
    except UnreadableState:
        home = saved.get("home")
        found = home.get("id") if isinstance(home, Mapping) else saved.get("home_id")
        return HomeRef(found) if isinstance(found, str) and found else None


def ids_in(saved: object) -> set[str]:
    """Every text in a saved state that cannot be read: its machines are among them."""
    if isinstance(saved, str):
        return {saved} - {""}
    if isinstance(saved, Mapping):
        saved = list(saved.values())
    if isinstance(saved, (list, tuple)):
        return set().union(*map(ids_in, saved))
    return set()


def _read(saved: Mapping[str, Any]) -> ServerState:
    known = {f.name for f in fields(ServerState)} - {"unknown"}
    return ServerState(
        server_id=_text(saved, "server_id"),
        profile=_text(saved, "profile"),
        launch=_launch(saved.get("launch")),
        stopped=_stopped(saved.get("stopped")),
        doomed=tuple(_made(Doomed, each) for each in saved.get("doomed", [])),
        home=_made(HomeRef, saved["home"]) if saved.get("home") else None,
        last_end=_text(saved, "last_end"),
        last_stop=(
            _made(LastStop, saved["last_stop"]) if saved.get("last_stop") else None
        ),
        unknown={k: v for k, v in saved.items() if k not in known | _NOT_OURS},
    )


def _launch(saved: Mapping[str, Any] | None) -> Launch | None:
    if not saved:
        return None
    return _made(
        Launch,
        saved,
        phase=Phase(saved["phase"]) if "phase" in saved else Phase.PLANNED,
        wish=Wish(saved.get("wish", Wish.SERVE.value)),
        server=_in_memory(saved.get("server")),
        woken=_in_memory(saved.get("woken")),
        data_devices=dict(saved.get("data_devices", {})),
        idle=_made(IdlePolicy, saved.get("idle") or {}),
    )


def _stopped(saved: Mapping[str, Any] | None) -> StoppedMachine | None:
    if not saved:
        return None
    return _made(StoppedMachine, saved, server=_in_memory(saved.get("server")))


def _in_memory(saved: Mapping[str, Any] | None) -> ServerInMemory | None:
    return _made(ServerInMemory, saved) if saved else None


def _made(kind: type[T], saved: Mapping[str, Any], **parts: Any) -> T:
    """A dataclass of ours, without the keys that it does not know."""
    found = {**saved, **parts}
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    values = {name: value for name, value in found.items() if name in known}
    for name, value in values.items():
        wanted = _KINDS.get(str(known[name].type))
        if wanted and not _is_a(wanted, value):
            raise TypeError(f"{kind.__name__}.{name} is {value!r:.100}")
    return kind(**values)


_KINDS: Mapping[str, type] = {"str": str, "float": float, "int": int, "bool": bool}


def _is_a(kind: type, value: object) -> bool:
    """JSON has no whole floats, and Python takes True for a number."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _text(saved: Mapping[str, Any], name: str) -> str:
    value = saved.get(name, "")
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r:.100}")
    return value


def _slim(value: Any) -> Any:
    if isinstance(value, dict):
        slim = {name: _slim(each) for name, each in value.items()}
        return {k: v for k, v in slim.items() if v not in ("", 0, None, [], {}, ())}
    if isinstance(value, (list, tuple)):
        return [_slim(each) for each in value]
    return value.value if isinstance(value, Enum) else value


# -- version 1 -----------------------------------------------------------------------

_LAUNCH_FIELDS = {f.name for f in fields(Launch)} - {"id", "start_id", "phase", "wish"}
_OF_ITS_MACHINE = ("launch_id", "instance_id")


def _upgraded(old: Mapping[str, Any]) -> dict[str, Any]:
    """A state of version 1, as version 2 would have saved it."""
    new = dict(old)
    for name in (*_LAUNCH_FIELDS, "launch_id", "phase", "resting", "tombstones"):
        new.pop(name, None)
    for name in ("home_id", "home_region", "home_kind", "home_moved"):
        new.pop(name, None)
    new["doomed"] = old.get("tombstones", [])
    new["stopped"] = old.get("resting")
    if old.get("home_id"):
        new["home"] = {
            "id": old["home_id"],
            "region": old.get("home_region", ""),
            "kind": old.get("home_kind", ""),
            "moved": old.get("home_moved", False),
        }
    phase = _phase_of_version_1(old.get("phase", "none"))
    launch_id, stopped = old.get("launch_id"), old.get("resting") or {}
    if not launch_id:
        return new
    its_own = all(old.get(name) == stopped.get(name) for name in _OF_ITS_MACHINE)
    if its_own and phase == "stopping" and stopped.get("certain"):
        return new  # EC2 has confirmed it, and the Hub was killed right then
    launch = {name: old[name] for name in _LAUNCH_FIELDS & old.keys()}
    launch |= {"id": launch_id, "start_id": launch_id}
    launch["phase"] = _phase_of(old, phase)
    if phase == "stopping":
        launch["wish"] = (Wish.KEEP if its_own else Wish.END).value
    elif its_own and phase in ("none", "booting"):
        launch["phase"] = Phase.REQUESTED.value  # it was being woken
    if its_own and phase in ("stopping", "claimed", "ready"):
        new["stopped"] = None  # its launch says all of it
    new["launch"] = launch
    return new


def _phase_of_version_1(value: object) -> str:
    if value not in ("none", "requested", "booting", "claimed", "ready", "stopping"):
        raise ValueError(f"phase is {value!r:.100}")
    return str(value)


def _phase_of(old: Mapping[str, Any], phase: str) -> str:
    if phase not in ("none", "stopping"):
        return str(phase)
    if not old.get("instance_id"):
        return Phase.REQUESTED.value
    if not old.get("claimed_at"):
        return Phase.BOOTING.value
    return Phase.READY.value if old.get("ready_at") else Phase.CLAIMED.value


def readable(saved: Mapping[str, Any] | None) -> ServerState:
    """The state, for those who only look: an empty one where it cannot be read."""
    try:
        return from_dict(saved or {})
    except UnreadableState:
        return ServerState()
