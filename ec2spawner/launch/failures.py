"""What a user reads when EC2 refuses, or when a machine ends too early."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import EC2SpawnError, Reason
from ..core.state import Launch
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.errors.ends import why_ended
from ..ec2.errors.kinds import Kind
from ..ec2.errors.table import meaning_of_end
from ..ec2.machines import Machine

#: how a message ends of what may pass by itself, or be for the admin to repair
TRY_OR_TELL = "Try again, and if it comes back, please tell your hub's admin."

# Of somebody else's log.
_LAST_LINES = 3


@dataclass(frozen=True)
class Failure:
    """A start that failed, in as few words as let an admin find it in the Hub's log.

    :ivar at: seconds since the epoch
    :ivar code: AWS's, where it was AWS that said no
    :ivar steps: what the user has seen of it
    """

    at: float
    reason: str
    launch_id: str = ""
    instance_id: str = ""
    code: str = ""
    steps: tuple[str, ...] = ()


def failure_of(
    error: BaseException, launch: Launch, at: float, steps: tuple[str, ...] = ()
) -> Failure:
    """What an admin is to be told of a start that has ended with this error."""
    said: BaseException | None = error
    while said is not None and not isinstance(said, (EC2Error, EndedEarly)):
        said = said.__cause__
    if isinstance(said, EndedEarly):
        code = said.machine.reason_code
    else:
        code = said.code if said is not None else ""
    return Failure(
        at, reason_of(error), launch.start_id, launch.instance_id, code, steps
    )


def reason_of(error: BaseException | None) -> str:
    """Why a start has ended: a value of ``Reason``, without an error that somebody has
    cancelled it."""
    if error is None or isinstance(error, EC2SpawnError):
        return str(error.reason) if error else Reason.CANCELLED.value
    return error.meaning.reason.value if isinstance(error, EC2Error) else ""


class EndedEarly(EC2SpawnError):
    """A machine that EC2 gave has ended before its server was ready."""

    def __init__(self, machine: Machine) -> None:
        meaning = meaning_of_end(machine.reason_code)
        told = f"Machine {machine.id} ended while it was starting"
        if not machine.gone:
            told = f"Machine {machine.id} was stopped while it was starting"
        why = why_ended(machine.reason_code)
        super().__init__(
            f"{told}{': ' if why else ''}{why}. {meaning.user}",
            reason=meaning.reason,
            log_message=f"{told}: {machine.why}. {meaning.hint}".strip(),
        )
        self.machine = machine
        #: it says nothing against what is on the machine
        self.is_trouble_of_ec2 = meaning.kind is not Kind.FATAL


def cancelled() -> EC2SpawnError:
    """Of a start that somebody has stopped."""
    return EC2SpawnError(
        "The start was cancelled. Start your server again when you want it.",
        reason=Reason.CANCELLED,
    )


def spawn_error(error: EC2Error) -> EC2SpawnError:
    """What a user reads of a call to AWS that failed."""
    return EC2SpawnError(
        error.meaning.user, reason=error.meaning.reason, log_message=admin_hint(error)
    )


def cannot_wake(instance_id: str, error: EC2Error) -> EC2SpawnError:
    """What a user reads when EC2 does not start the machine that is stopped for them,
    for a reason that says nothing against it."""
    return EC2SpawnError(
        f"Your machine {instance_id} cannot be woken just now. It is kept, with all "
        f"that is on it. {error.meaning.user}",
        reason=error.meaning.reason,
        log_message=f"Machine {instance_id} cannot be woken, and is kept: "
        f"{admin_hint(error)}",
    )


def without_address(instance_id: str) -> EC2SpawnError:
    """What a user reads when a machine runs that nobody can reach."""
    return EC2SpawnError(
        f"Machine {instance_id} has no IPv4 address, so this hub cannot reach it. "
        "Please tell your hub's admin.",
        reason=Reason.CONFIG,
        log_message=f"Machine {instance_id} runs and has no private IPv4 address: it "
        "is in a subnet of IPv6 alone. Set c.EC2Spawner.subnets to others",
    )


def sold_out_at_home(zone: str, error: EC2SpawnError) -> EC2SpawnError:
    """What a user reads when there is no machine in the only zone that will do."""
    return EC2SpawnError(
        f"Your home is in {zone}, and AWS has no machine of this size free there just "
        "now. Try again in a few minutes, or choose another size.",
        reason=Reason.CAPACITY,
        log_message=f"{error.log_message} -- with home_may_move the home of this user "
        "would follow a machine to another zone",
    )


def out_of_time(seconds: float, last_step: str) -> EC2SpawnError:
    """What a user reads when nothing failed and nothing came."""
    last = f" The last step was: {last_step}." if last_step else ""
    return EC2SpawnError(
        f"Your server was not ready within {seconds:.0f} seconds.{last} {TRY_OR_TELL}",
        reason=Reason.TIMEOUT,
    )


def last_lines(text: str) -> str:
    """The end of a log, in a line of another: all of it is in that at level debug."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-_LAST_LINES:])
