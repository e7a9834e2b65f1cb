"""What the Hub's log says of a start that failed for a reason that is known."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

from tornado.log import access_log, app_log

from ..core.errors import REFUSALS, EC2SpawnError, Reason

#: as ``EC2SpawnError`` writes itself
_REFUSED = re.compile(rf": \[({'|'.join(each.value for each in REFUSALS)})\] ")
_KNOWN = re.compile(rf": (\[({'|'.join(each.value for each in Reason)})\] .*)", re.S)
#: ``User.spawn``, which names the user, and is the first of them all
_FIRST = "Not starting "
# So soon JupyterHub has said it for the last time.
_REPEATED_SECONDS = 2.0


class KnownFailures(logging.Filter):
    """Tells them in a line, once, without a traceback, and refusals not as errors.

    JupyterHub 6.1 logs whatever keeps a server from starting as an error, four times
    (``Spawner._run_apply_user_options``, ``User.spawn``, ``SpawnHandler._post`` and
    ``_wrap_spawn_single_user``), twice of these with a traceback. That would only say
    where in our code the sentence is written. For an answer of 500 it adds all headers
    of the request (``log.log_request``), which say nothing either.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        #: the failure that was told last, and when
        self._told, self._at = "", float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, EC2SpawnError):
            record.msg, record.args = f"{record.getMessage()}: {error}", ()
            record.exc_info = None
        text = record.getMessage()
        soon = self._clock() - self._at < _REPEATED_SECONDS
        if soon and record.funcName == "log_request" and text.startswith("{\n"):
            return False
        if known := _KNOWN.search(text):
            if soon and known[1] == self._told and not text.startswith(_FIRST):
                return False
            self._told, self._at = known[1], self._clock()
        if record.levelno > logging.WARNING and _REFUSED.search(text):
            record.levelno = logging.WARNING
            record.levelname = logging.getLevelName(logging.WARNING)
        return True


def tell_known_failures(log: logging.Logger) -> None:
    """
    :param log: the application's; users have tornado's, and handlers one of them
    """
    known = KnownFailures()
    for each in (log, app_log, access_log):
        each.addFilter(known)
