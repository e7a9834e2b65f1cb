"""What a user should know of a machine, in sentences. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from ..core.clock_words import clock, day, span
from ..core.idleness import Limit, Verdict
from ..core.state import LastStop, ServerState
from ..ec2.errors.ends import why_ended
from ..ec2.machines import STOPPED_STATES, Machine

# EC2 user guide, "Spot Instance interruption notices": {"time": "...Z"}
# An EC2 that is silent for a moment is nobody's concern.
_WORTH_TELLING_SECONDS = 60.0
_AT = re.compile(r"T(\d\d:\d\d):\d\dZ$")


#: what follows a notice of an end
AGAIN = "Start the server again when you want it."


def _since(moment: float) -> str:
    """What goes on may have begun days ago."""
    at = datetime.fromtimestamp(moment, timezone.utc)
    return f"{at.day} {at:%B}, {clock(moment)}"


def _server(name: str) -> str:
    """How a user calls it: the default server has no name."""
    return f"your server {name!r}" if name else "your server"


def told(
    state: ServerState,
    server_name: str,
    now: float,
    impaired_since: float = 0.0,
    silent_since: float = 0.0,
    home_off: str = "",
) -> list[str]:
    """Everything that the user should know of the machine, for the Hub's pages.

    :param server_name: empty for the user's default server
    :param now: seconds since the epoch, as the others are
    :param impaired_since: when EC2 began to report trouble with it; 0 for none
    :param silent_since: when EC2 began not to answer; 0 when it does
    :param home_off: the home, when somebody has taken it off the machine
    """
    launch = state.current
    if not state.may_have_machine:
        return [after_end(state.last_end)] if state.last_end else []
    found = []
    if impaired_since:
        found.append(impaired(launch.instance_id, impaired_since, server_name))
    if home_off:
        found.append(taken_off(home_off, launch.instance_id, server_name))
    if launch.silent_since:
        found.append(unheard(launch.instance_id, launch.silent_since, server_name))
    found += [text for text in (launch.announced, launch.rescued) if text]
    if silent_since and now - silent_since > _WORTH_TELLING_SECONDS:
        found.append(silence(silent_since))
    return found


def after_end(last_end: str) -> str:
    """Why a server has ended, for a page from which it can be started."""
    return f"{last_end} {AGAIN}"


def ended(machine: Machine, now: float, server_name: str = "") -> str:
    """Why a machine is over that its user did not stop.

    :param now: seconds since the epoch
    """
    why = why_ended(machine.reason_code) or "AWS's reason is in the hub's log"
    how = "was stopped on" if machine.state in STOPPED_STATES else "ended on"
    return (
        f"The machine of {_server(server_name)} ({machine.id}) {how} {day(now)}: "
        f"{why}."
    )


def lost(instance_id: str, now: float, server_name: str = "") -> str:
    """A machine that EC2 no longer lists."""
    return (
        f"The machine of {_server(server_name)} ({instance_id}) "
        f"was found to be gone on {day(now)}: AWS lists it no more."
    )


def about_to_stop(verdict: Verdict, server_name: str = "") -> str:
    """A server whose time is nearly over."""
    whose = _server(server_name)
    text = f"{whose[0].upper()}{whose[1:]} stops at {clock(verdict.at)}: {verdict.why}."
    if verdict.limit is Limit.AGE:
        return f"{text} Save your work, and start the server again after that."
    return f"{text} To keep it on, use it; or save your work."


def out_of_time(stop: LastStop, server_name: str = "", cost: str = "") -> str:
    """A server that the Hub has stopped, as its time was over.

    :param cost: of its machine, in words; empty when nobody knows
    """
    idle = span(stop.at - stop.idle_since) if stop.idle_since else ""
    why = {
        Limit.IDLE.value: f"nobody had used it and nothing had run on it for {idle}",
        Limit.BUSY.value: "nobody had used it for as long as it may run alone",
        Limit.AGE.value: "it had run for as long as it may",
    }[stop.limit]
    whose = _server(server_name)
    text = f"{whose[0].upper()}{whose[1:]} was stopped on {day(stop.at)}: {why}."
    return f"{text} Its machine had cost {cost}." if cost else text


def silence(since: float) -> str:
    """EC2 does not answer, and nobody knows more than before."""
    return (
        f"AWS has not answered this hub since {_since(since)}. A server that runs "
        "goes on, but starting and stopping may fail for a while. If it lasts, please "
        "tell your hub's admin."
    )


def unheard(instance_id: str, since: float, server_name: str = "") -> str:
    """A machine that runs, and whose agent says nothing."""
    return (
        f"The machine of {_server(server_name)} ({instance_id}) has not reported to "
        f"this hub since {_since(since)}. What runs on it goes on. If the server does "
        "not answer, stop it and start it again."
    )


def outlived(
    instance_id: str, max_lifetime: float, now: float, server_name: str = ""
) -> str:
    """A machine that was to end by itself, and did not."""
    return (
        f"The machine of {_server(server_name)} ({instance_id}) was ended by this hub "
        f"on {day(now)}: it had run for {max_lifetime / 3600:.1f} hours, which is as "
        "long as it may."
    )


def impaired(instance_id: str, since: float, server_name: str = "") -> str:
    """A machine that fails EC2's status checks."""
    return (
        f"AWS reports trouble with the machine of {_server(server_name)} "
        f"({instance_id}) since {_since(since)}: it may not answer. If it does not, "
        "stop the server and start it again."
    )


def taken_off(volume_id: str, instance_id: str, server_name: str = "") -> str:
    """A home that somebody has detached from a machine that runs."""
    return (
        f"Your home ({volume_id}) has been taken off the machine of "
        f"{_server(server_name)} ({instance_id}): what you save now may be lost. Tell "
        "your hub's admin, then stop the server and start it again."
    )


def announced(
    instance_id: str, interruption: bool, message: str, server_name: str = ""
) -> str:
    """What EC2 has told the machine of its end.

    :param interruption: that it will come, not only that it may
    :param message: the machine's, with EC2's time at its end
    """
    machine = f"{_server(server_name)} ({instance_id})"
    if not interruption:
        return (
            f"AWS may soon take the machine of {machine} back: save your work, then "
            "stop the server and start it again when it suits you."
        )
    at = _AT.search(message)
    when = f"at {at[1]} UTC" if at else "in a moment"
    return (
        f"AWS takes the machine of {machine} back {when}: save your work now, and "
        "start the server again after that."
    )


def rescued(volume_id: str, server_name: str = "") -> str:
    """A home that could not be mounted."""
    return (
        f"Your home ({volume_id}) could not be mounted. Nothing on it is changed or "
        f"lost, but {_server(server_name)} runs without it: keep nothing here, and "
        "please tell your hub's admin."
    )
