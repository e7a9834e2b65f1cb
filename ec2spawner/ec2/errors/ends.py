"""Why a machine has ended, for people who have never read a StateReason. Pure."""

from __future__ import annotations

# EC2 API reference, StateReason; the user guide's pages on spot and on retirement.
_WHY = {
    "Client.UserInitiatedShutdown": "somebody with access to the AWS account ended it",
    "Client.InstanceTerminated": "somebody with access to the AWS account ended it",
    "Client.InstanceInitiatedShutdown": "it shut itself down",
    "Server.SpotInstanceTermination": "AWS took the spot machine back",
    "Server.SpotInstanceShutdown": "AWS took the spot machine back",
    "Server.ScheduledStop": "AWS took its host out of service",
    "Server.InternalError": "AWS's host failed",
    "Client.InternalError": "AWS could not use its volumes",
}


def why_ended(reason_code: str) -> str:
    """A clause for a user; empty where only an admin could do something with it."""
    return _WHY.get(reason_code, "")
