"""What a user reads when EC2 refuses, or when a machine ends too early."""

from __future__ import annotations

from .ec2.errors import EC2Error, Kind, admin_hint, meaning_of
from .ec2.machines import Machine
from .errors import EC2SpawnError, Reason


def spawn_error(error: EC2Error) -> EC2SpawnError:
    """What a user reads of a call to AWS that failed."""
    return EC2SpawnError(
        error.meaning.user, reason=error.meaning.reason, log_message=admin_hint(error)
    )


def ended_early(machine: Machine) -> EC2SpawnError:
    """What a user reads of a machine that ended before its server was ready."""
    meaning = meaning_of(machine.reason_code, status=500)
    told = f"Machine {machine.id} ended while it was starting: {machine.why}."
    if meaning.kind in (Kind.CAPACITY, Kind.QUOTA):
        return EC2SpawnError(
            f"{told} {meaning.user}", reason=meaning.reason, log_message=told
        )
    return EC2SpawnError(f"{told} Try again.", reason=Reason.BOOT, log_message=told)
