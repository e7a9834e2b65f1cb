"""What EC2 is asked and what becomes of machines, as lines for a terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

from .. import LocalControl
from ..control import MachineInfo
from ..requestlog import LoggedRequest

_READS = ("Describe", "Get", "List")


class Watcher:
    """Tells what is new since the last look.

    Calls that change something are told each; of those that only read, the first
    of a kind and those that fail.
    """

    def __init__(self, control: LocalControl, say: Callable[[str], None]) -> None:
        self._control = control
        self._say = say
        #: how often each action was called
        self.calls: Counter[str] = Counter()
        #: how many machines there were
        self.machines = 0
        self._last_done = 0
        self._told: set[int] = set()
        self._states: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._last_error: dict[str, str | None] = {}

    def look(self) -> None:
        """Print what is new."""
        lines = [(entry.time, _call(entry)) for entry in self._new_calls()]
        now = time.time()
        lines += [(now, text) for text in self._new_states(now)]
        for at, text in lines:
            self._say(f"{time.strftime('%H:%M:%S', time.localtime(at))}  {text}")

    def _new_calls(self) -> Iterator[LoggedRequest]:
        in_order = True
        for entry in self._control.requests(since=self._last_done):
            if entry.status == 0:
                # Still at work: it is told once its outcome is known.
                in_order = False
            elif entry.number not in self._told:
                self._told.add(entry.number)
                if self._is_news(entry):
                    yield entry
            if in_order:
                self._last_done = entry.number
                self._told.discard(entry.number)

    def _is_news(self, entry: LoggedRequest) -> bool:
        self.calls[entry.action] += 1
        if not entry.action.startswith(_READS):
            return True
        last = self._last_error.get(entry.action, "never asked")
        self._last_error[entry.action] = entry.error
        return entry.error != last

    def _new_states(self, now: float) -> Iterator[str]:
        for machine in self._control.machines():
            name = machine.instance_id
            if self._states.get(name) == machine.state:
                continue
            if name not in self._states:
                self.machines += 1
                self._since[name] = now
            self._states[name] = machine.state
            yield _machine(machine, now - self._since[name])


def _line(kind: str, subject: str, verb: str, rest: str) -> str:
    return f"{kind:<8}  {subject:<20}  {verb:<14}  {rest}".rstrip()


def _call(entry: LoggedRequest) -> str:
    """An API call: its name, what it is about, and how it went."""
    if entry.status < 0:
        outcome = "no answer"
    else:
        outcome = entry.error or "ok"
    about = entry.instance_ids or [
        value
        for name, value in entry.params.items()
        if name.startswith(("InstanceId", "ResourceId", "VolumeId"))
    ]
    rest = ", ".join(about)
    if entry.action == "RunInstances":
        wanted = entry.params.get("InstanceType", "")
        rest = f"{wanted} -> {rest}" if rest else wanted
    elif entry.action.startswith(_READS):
        rest = "further calls of this kind are not shown"
    return _line("EC2 call", entry.action, outcome, rest)


def _machine(machine: MachineInfo, age: float) -> str:
    """A machine in a state that is new."""
    rest = ""
    if machine.state == "pending" and machine.boots == 0:
        server = machine.tags.get("server", "")
        owner = machine.tags.get("user", "")
        rest = f"{machine.instance_type} in {machine.zone}, {machine.private_ip}"
        rest += f", for {owner}{'/' + server if server else ''}" if owner else ""
    elif machine.state == "terminated":
        rest = f"after {age:.0f} s ({machine.state_reason})"
    return _line("machine", machine.instance_id, machine.state, rest)
