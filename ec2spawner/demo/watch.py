"""What EC2 is asked and what becomes of machines, as lines for a terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from localec2 import LocalControl
from localec2.client import MachineInfo
from localec2.requests.request_log import LoggedRequest

_READS = ("Describe", "Get", "List")
_PATIENCE = 3.0


class Watcher:
    """Tells what is new since the last look.

    Calls that change something are told each; of those that only read, the first
    of a kind and those that fail.
    """

    def __init__(self, control: LocalControl, say: Callable[[str], None]) -> None:
        self._control = control
        self._say = say
        subnets = control.resources().subnet_ids
        self._zones = {subnet: zone for zone, subnet in subnets.items()}
        #: how often each action was called
        self.calls: Counter[str] = Counter()
        #: how many machines there were
        self.machines = 0
        self._last_done = 0
        self._launching = False
        self._told: set[int] = set()
        self._states: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._last_error: dict[str, str | None] = {}

    @property
    def something_ends(self) -> bool:
        """Whether a machine was on its way out at the last look."""
        return not {"shutting-down", "stopping"}.isdisjoint(self._states.values())

    def look(self) -> None:
        """Print what is new."""
        now = time.time()
        # In this order: whatever made a machine that is seen has been logged.
        machines = self._control.machines()
        self._launching = False
        lines = [
            (entry.time, _call(entry, self._zones)) for entry in self._new_calls(now)
        ]
        if not self._launching:
            lines += [(now, text) for text in self._new_states(machines, now)]
        for at, text in lines:
            self._say(f"{time.strftime('%H:%M:%S', time.localtime(at))}  {text}")

    def _new_calls(self, now: float) -> Iterator[LoggedRequest]:
        in_order = True
        for entry in self._control.requests(since=self._last_done):
            if entry.status == 0:
                # Still at work: it is told once its outcome is known.
                in_order = False
                # Its line comes before that of the machine that it makes, unless
                # it hangs.
                if entry.action == "RunInstances" and now - entry.time < _PATIENCE:
                    self._launching = True
            elif entry.number not in self._told:
                self._told.add(entry.number)
                if self._is_news(entry):
                    yield entry
            if in_order:
                self._last_done = entry.number
                self._told.discard(entry.number)

    def _is_news(self, entry: LoggedRequest) -> bool:
        self.calls[entry.action] += 1
        if entry.error == "DryRunOperation":
            return False  # somebody asks what would be allowed: ec2spawner doctor
        if not entry.action.startswith(_READS):
            return True
        last = self._last_error.get(entry.action, "never asked")
        self._last_error[entry.action] = entry.error
        return entry.error != last

    def _new_states(self, machines: list[MachineInfo], now: float) -> Iterator[str]:
        for machine in machines:
            name = machine.instance_id
            if self._states.get(name) == machine.state:
                continue
            if name not in self._states:
                self.machines += 1
                self._since[name] = now
            self._states[name] = machine.state
            yield _machine(machine, now - self._since[name])


def _line(kind: str, subject: str, outcome: str, rest: str) -> str:
    return f"{kind:<8}  {subject:<22} {outcome:<13}  {rest}".rstrip()


def _call(entry: LoggedRequest, zones: Mapping[str, str]) -> str:
    """An API call: its name, how it went, and what it is about."""
    outcome, rest = "ok", _about(entry, zones)
    if entry.status < 0:
        outcome = "no answer"
    elif entry.error:
        outcome = "failed"
        rest = f"{entry.error}: {rest}" if rest else entry.error
    elif entry.action.startswith(_READS):
        rest = "(from now on shown only when it fails)"
    return _line("EC2 call", entry.action, outcome, rest)


def _about(entry: LoggedRequest, zones: Mapping[str, str]) -> str:
    params = entry.params
    if entry.action == "RunInstances":
        wanted = params.get("InstanceType", "")
        if zone := zones.get(_first(params, "SubnetId")):
            wanted += f" in {zone}"
        made = ", ".join(entry.instance_ids)
        return f"{wanted}: {made}" if made else wanted
    names = ("InstanceId", "ResourceId", "VolumeId")
    return ", ".join(v for name, v in params.items() if name.startswith(names))


def _first(params: Mapping[str, str], end: str) -> str:
    """A parameter by the end of its name: it may be nested."""
    return next((v for name, v in params.items() if name.endswith(end)), "")


def _machine(machine: MachineInfo, age: float) -> str:
    """A machine in a state that is new."""
    rest = ""
    if machine.state == "pending" and machine.boots == 0:
        server = machine.tags.get("server", "")
        owner = machine.tags.get("user", "")
        rest = f"{machine.instance_type} at {machine.private_ip}"
        rest += f", for {owner}{'/' + server if server else ''}" if owner else ""
    elif machine.state == "terminated":
        rest = f"after {age:.0f} s ({machine.state_reason})"
    return _line("machine", machine.instance_id, machine.state, rest)
