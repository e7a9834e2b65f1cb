"""The one kind of failure that a user of a spawn page meets, and its fixed reasons.

All of the family, but for the programs that stand alone (admin, demo, agent, builder)::

    Exception
        SpawnException                 JupyterHub's
            EC2SpawnError              core/errors.py: the user reads it
                EndedEarly             launch/failures.py: another machine may do
                NotSaved               fleet/unsaved.py: the database refuses it
        EC2Error                       ec2/errors/ec2_error.py: a call failed
        NotSent                        ec2/clients.py: not wanted any more
        NotNow                         core/event.py: the table forbids it
        NotItsDocument                 claim/identity.py: a machine is not believed
        ImageError                     images/errors.py: no image can be made of it
            Unreadable                 images/errors.py: its repository cannot be read
            Unfit                      images/builds/trial.py: it has failed its test
        NotPlanned                     images/builds/errand.py: nobody can say whether
        ValueError
            UnreadableState            core/saved_state.py: of a newer version
            SchemaError                claim/messages.py: not what was agreed
            ProfileListError           profiles/read.py: a mistake of the admin
            ChoiceError                profiles/choose.py: not on offer
            HubConfigError             hub/startup.py: the Hub cannot start
        LookupError
            UnknownActionError         ec2/throttle.py: a mistake of ours

An EC2Error becomes an EC2SpawnError in launch/failures.py, by what the table in
ec2/errors/ says of its code. A reason of EC2SpawnError, and the folders that give it::

    capacity      ec2, launch, server
    quota         ec2, homes
    cloud         ec2, server
    permission    ec2, homes
    config        claim, ec2, homes, launch, server
    image         ec2, fleet
    options       fleet, server, spawner
    home          homes, launch, server
    boot          ec2, server
    limit         fleet, server
    budget        costs
    cancelled     launch, server
    timeout       fleet, launch, server
    database      fleet, server
"""

from __future__ import annotations

from enum import Enum
from html import escape

from jupyterhub.spawner import SpawnException


class Reason(str, Enum):
    """Why a server could not start: the ``reason`` label of the Hub's metrics.

    The list is fixed, so that dashboards and alerts can name each value.
    """

    CAPACITY = "capacity"  # EC2 has no such machine free right now
    QUOTA = "quota"  # the AWS account may not run more
    CLOUD = "cloud"  # EC2 does not answer, or answers with trouble of its own
    PERMISSION = "permission"  # the Hub's AWS credentials do not allow it
    CONFIG = "config"  # a setting that EC2 refuses, or that cannot work
    IMAGE = "image"  # the image is missing, or does not fit
    OPTIONS = "options"  # the choice is not on offer
    HOME = "home"  # the user's home cannot be had
    BOOT = "boot"  # the machine came, the server on it did not
    LIMIT = "limit"  # the hub's admin allows no more
    BUDGET = "budget"  # what may be spent is spent
    CANCELLED = "cancelled"  # the user changed their mind
    TIMEOUT = "timeout"  # nothing failed, but it took too long
    DATABASE = "database"  # the Hub's database takes no changes


_STATUS_CODES = {
    Reason.OPTIONS: 400,
    Reason.CANCELLED: 400,
    Reason.LIMIT: 429,
    Reason.BUDGET: 403,
    Reason.CONFIG: 500,
    Reason.PERMISSION: 500,
}
_UNAVAILABLE = 503


#: nothing is wrong with the hub: a person has asked for what cannot be had
REFUSALS = (Reason.OPTIONS, Reason.LIMIT, Reason.BUDGET, Reason.CANCELLED)


class EC2SpawnError(SpawnException):  # type: ignore[misc]
    """A start that failed, told in words that a person can act on.

    JupyterHub 6.1 shows a plain ``SpawnException`` with its class name and its
    log message on the progress page, and drops its HTML there
    (``utils.format_exception``). It honours ``jupyterhub_message`` and
    ``jupyterhub_html_message`` everywhere, so both are always set.

    :param message: one or two sentences for the user, complete in themselves
    :param reason: a value of :class:`Reason`
    :param log_message: what the admin should read in the Hub's log; defaults to
        ``message``
    """

    def __init__(
        self, message: str, *, reason: Reason, log_message: str | None = None
    ) -> None:
        super().__init__(
            message,
            reason=reason.value,
            log_message=log_message or message,
            message_html=escape(message),
            status_code=_STATUS_CODES.get(reason, _UNAVAILABLE),
        )
        self.jupyterhub_message = message
        self.jupyterhub_html_message = escape(message)

    def __str__(self) -> str:
        return f"[{self.reason}] {self.log_message}"
