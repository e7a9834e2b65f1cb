"""What the Hub's log says of a start that failed for a reason that is known."""

from __future__ import annotations

import logging
import re

from tornado.log import app_log

from ..core.errors import REFUSALS, EC2SpawnError

#: as ``EC2SpawnError`` writes itself
_REFUSED = re.compile(rf": \[({'|'.join(each.value for each in REFUSALS)})\] ")


class KnownFailures(logging.Filter):
    """Tells them in a line, without a traceback, and refusals not as errors.

    JupyterHub 6.1 logs whatever keeps a server from starting as an error, four times
    (``Spawner._run_apply_user_options``, ``User.spawn``, ``SpawnHandler._post`` and
    ``_wrap_spawn_single_user``), twice of these with a traceback. That would only say
    where in our code the sentence is written.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, EC2SpawnError):
            record.msg, record.args = f"{record.getMessage()}: {error}", ()
            record.exc_info = None
        if record.levelno > logging.WARNING and _REFUSED.search(record.getMessage()):
            record.levelno = logging.WARNING
            record.levelname = logging.getLevelName(logging.WARNING)
        return True


def tell_known_failures(log: logging.Logger) -> None:
    """
    :param log: the application's; users have tornado's, and handlers one of them
    """
    for each in (log, app_log):
        each.addFilter(KnownFailures())
