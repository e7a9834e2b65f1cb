"""What a user should know of a machine, in sentences. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from ..core.state import ServerState
from ..ec2.machines import STOPPED_STATES, Machine

# EC2 API reference, StateReason; the user guide's pages on spot and on retirement.
_WHO = {
    "Client.UserInitiatedShutdown": "somebody with access to the AWS account ended it",
    "Client.InstanceTerminated": "somebody with access to the AWS account ended it",
    "Client.InstanceInitiatedShutdown": "it shut itself down",
    "Server.SpotInstanceTermination": "AWS took the spot machine back",
    "Server.SpotInstanceShutdown": "AWS took the spot machine back",
    "Server.ScheduledStop": "AWS took its host out of service",
    "Server.InternalError": "AWS's host failed",
    "Client.InternalError": "AWS could not use its volumes",
}


# EC2 user guide, "Spot Instance interruption notices": {"time": "...Z"}
# An EC2 that is silent for a moment is nobody's concern.
_WORTH_TELLING_SECONDS = 60.0
_AT = re.compile(r"T(\d\d:\d\d):\d\dZ$")


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%H:%M UTC")


def told(
    state: ServerState, impaired_since: float, silent_since: float, now: float
) -> list[str]:
    """Everything that the user should know of the machine, for the Hub's pages.

    :param impaired_since: when EC2 began to report trouble with it; 0 for none
    :param silent_since: when EC2 began not to answer; 0 when it does
    :param now: seconds since the epoch, as the others are
    """
    launch = state.current
    if not state.may_have_machine:
        return [state.last_end] if state.last_end else []
    found = []
    if impaired_since:
        found.append(impaired(launch.instance_id, impaired_since))
    found += [text for text in (launch.announced, launch.rescued) if text]
    if silent_since and now - silent_since > _WORTH_TELLING_SECONDS:
        found.append(silence(silent_since))
    return found


def ended(machine: Machine, now: float) -> str:
    """Why a machine is over that its user did not stop.

    :param now: seconds since the epoch
    """
    why = _WHO.get(machine.reason_code) or f"AWS says: {machine.why}"
    stopped = machine.state in STOPPED_STATES
    how = "stopped at about" if stopped else "ended at about"
    return f"Your last machine, {machine.id}, {how} {_clock(now)}: {why}."


def lost(instance_id: str, now: float) -> str:
    """A machine that EC2 no longer lists."""
    return (
        f"Your last machine, {instance_id}, was gone at {_clock(now)}: AWS lists it "
        "no more."
    )


def silence(since: float) -> str:
    """EC2 does not answer, and nobody knows more than before."""
    return (
        f"AWS has not answered this hub since {_clock(since)}. A server that runs "
        "goes on, but starting and stopping may fail for a while."
    )


def impaired(instance_id: str, since: float) -> str:
    """A machine that fails EC2's status checks."""
    return (
        f"AWS reports trouble with your machine {instance_id} since {_clock(since)}: "
        "it may not answer. If it does not, stop your server and start it again."
    )


def announced(instance_id: str, interruption: bool, message: str) -> str:
    """What EC2 has told the machine of its end.

    :param interruption: that it will come, not only that it may
    :param message: the machine's, with EC2's time at its end
    """
    if not interruption:
        return (
            f"AWS may soon take your machine {instance_id} back: save your work, and "
            "start your server again when it suits you."
        )
    at = _AT.search(message)
    when = f"at {at[1]} UTC" if at else "in a moment"
    return f"AWS takes your machine {instance_id} back {when}: save your work now."


def rescued(volume_id: str) -> str:
    """A home that could not be mounted."""
    return (
        f"Your home ({volume_id}) could not be mounted. Nothing on it is changed or "
        "lost, but this server runs without it: keep nothing here, and tell your "
        "hub's admin."
    )
