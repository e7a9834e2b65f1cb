"""The server on this machine, asked by its own API, where nothing else tells of it."""

from __future__ import annotations

import json
import ssl
from typing import List, Optional

from ...wire import request
from .said import kernels_in
from .sight import Kernel


class Jupyter:
    """Asked for its kernels, without that counting as activity.

    :param ready_url: where its API begins
    :param token: the one that it was started with
    :param trust: as what to ask it, and whom to believe, of a server with TLS
    """

    def __init__(
        self,
        ready_url: str,
        token: str,
        address: str,
        trust: Optional[ssl.SSLContext] = None,
    ) -> None:
        # jupyter_server/base/handlers.py, APIHandler.update_api_activity
        self.url = ready_url.rstrip("/") + "/kernels?no_track_activity=1"
        self.headers = {"Authorization": "token " + token}
        self.address, self.trust = address, trust
        self.has_kernels = False

    def kernels(self) -> Optional[List[Kernel]]:
        """None when nobody can tell. What is no Jupyter has none."""
        try:
            answer = request(
                "GET", self.url, None, self.headers, self.address, 5, trust=self.trust
            )
            found = kernels_in(json.loads(answer.body))
        except (OSError, ValueError, RecursionError):
            found = None
        if found is not None:
            self.has_kernels = True
            return found
        # It may not know its own token for a while, as when the Hub is away.
        return None if self.has_kernels else []
