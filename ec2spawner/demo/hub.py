"""The demo's JupyterHub: a process of its own, with its proxy and its idle culler."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from .needs import search_path

CONFIG_FILE = Path(__file__).with_name("jupyterhub_config.py")
_LOOK_SECONDS = 0.1
# Whatever the environment says about AWS, another hub or a proxy is not for this hub.
_NOT_INHERITED = ("AWS_", "JUPYTERHUB_", "JPY_", "CONFIGPROXY_")
_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}


class HubFailed(Exception):
    """The Hub did not come up, or has ended by itself."""


def environment(additions: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, without what would lead the Hub astray."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_NOT_INHERITED) and name.lower() not in _PROXIES
    }
    return {
        **kept,
        "PATH": search_path(),
        # boto3 must find nobody's real account, not even by chance.
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **additions,
    }


class DemoHub:
    """Starts JupyterHub. All it prints goes to its log.

    :param public_url: where its proxy will answer
    :param folder: the working directory, for whatever Hub and proxy write
    :param log: the file for its log
    :param variables: what its environment has besides the usual
    """

    def __init__(
        self, public_url: str, folder: Path, log: Path, variables: Mapping[str, str]
    ) -> None:
        self.public_url = public_url
        with open(log, "ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG_FILE)],
                cwd=folder,
                env=environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                # A Ctrl-C is for the demo, which ends the Hub in order.
                start_new_session=True,
            )

    def wait_until_up(self, timeout: float = 60) -> None:
        """Wait until the Hub answers through its proxy.

        :raises HubFailed: when it ends instead, or takes too long
        """
        end = time.monotonic() + timeout
        while not self._answers():
            self.check()
            if time.monotonic() > end:
                raise HubFailed(f"JupyterHub does not answer after {timeout:g} s")
            time.sleep(_LOOK_SECONDS)

    def _answers(self) -> bool:
        # A proxy configured in the environment is not for loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.public_url}hub/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def check(self) -> None:
        """
        :raises HubFailed: when the Hub has ended
        """
        status = self._process.poll()
        if status is not None:
            raise HubFailed(f"JupyterHub has ended with status {status}")

    def stop(
        self, timeout: float = 45, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """End it in order: it ends all servers first, and its proxy.

        :param meanwhile: called again and again while it takes its time
        """
        end = time.monotonic() + timeout
        self._process.terminate()
        while self._process.poll() is None:
            if time.monotonic() > end:
                self._process.kill()
                self._process.wait()
                return
            meanwhile()
            time.sleep(_LOOK_SECONDS)
