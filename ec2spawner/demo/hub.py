"""The demo's JupyterHub: a process of its own, with its proxy."""

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
_CREDENTIAL_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
#: in the environment of the demo's configuration: where its settings are
SETTINGS = "EC2SPAWNER_DEMO_SETTINGS"
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
        **{name: os.devnull for name in _CREDENTIAL_FILES},
        **additions,
    }


_ADMIN_CONFIG = """\
# For commands as ``ec2spawner ls``: the demo's configuration, and
# where its EC2 is. Only the demo's own credentials count.
import os

for name in [n for n in os.environ if n.startswith({not_inherited!r})]:
    del os.environ[name]
os.environ.update({variables!r})
load_subconfig({file!r})
"""


def write_admin_config(folder: Path, settings: Path, cloud: Mapping[str, str]) -> None:
    """Let ``ec2spawner ls --hub-folder <folder>`` work, as on a real hub.

    :param settings: what the demo's configuration reads
    :param cloud: what makes boto3 use the demo's EC2
    """
    path = folder / "jupyterhub_config.py"
    path.touch(mode=0o600)
    nobody = {name: os.devnull for name in _CREDENTIAL_FILES}
    variables = {SETTINGS: str(settings), **nobody, **cloud}
    path.write_text(
        _ADMIN_CONFIG.format(
            not_inherited=_NOT_INHERITED, variables=variables, file=str(CONFIG_FILE)
        )
    )


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
