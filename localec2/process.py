"""A local EC2 in a process of its own."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from typing import IO, Any

from .client import LocalControl
from .settings import BOOTED, LocalSettings


class LocalCloudProcess:
    """Starts ``python -m localec2`` and waits until it is ready.

    The cloud ends when this process is gone, however it ended, unless ``tied`` is
    false. Its own errors go to ``stderr`` (default: this process's).
    """

    def __init__(
        self,
        settings: LocalSettings | None = None,
        region: str = "us-west-2",
        folder: str | os.PathLike[str] | None = None,
        port: int = 0,
        tied: bool = True,
        timeout: float | None = None,
        stderr: int | IO[Any] | None = None,
    ) -> None:
        command = [sys.executable, "-m", "localec2", "--region", region]
        command += ["--port", str(port)]
        command += ["--settings", json.dumps((settings or LocalSettings()).as_dict())]
        if folder is not None:
            command += ["--folder", os.fspath(folder)]
        self._lifeline: int | None = None
        pass_fds: tuple[int, ...] = ()
        if tied:
            read_end, self._lifeline = os.pipe()
            pass_fds = (read_end,)
            command += ["--lifeline", str(read_end)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                pass_fds=pass_fds,
                # A Ctrl-C is for the one who started us; they end us in order.
                start_new_session=True,
            )
        finally:
            for fd in pass_fds:
                os.close(fd)
        if timeout is None:
            # Machines that boot may need a root first, and that is made in minutes.
            booted = settings is not None and settings.machines in BOOTED
            timeout = 900.0 if booted else 60.0
        try:
            info = json.loads(self._first_line(timeout))
        except BaseException:
            self._process.kill()
            self._process.wait()
            self._close()
            raise
        self.endpoint_url: str = info["endpoint_url"]
        self.region: str = info["region"]
        self.pid: int = info["pid"]
        self.cloud_id: str = info["cloud_id"]
        self.vpc_cidr: str = info["vpc_cidr"]
        #: where machines reach what listens on this computer
        self.hub_address: str = info["hub_address"]
        #: the cloud's own folder, with the machines' folders in it
        self.folder: str = info["folder"]
        self.control = LocalControl(self.endpoint_url)

    def stop(self, timeout: float = 30.0) -> None:
        """End it in order: no machine, port or folder is left."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._close()

    def kill(self) -> None:
        """SIGKILL. Its keeper takes the machines and the folder away, soon."""
        self._process.kill()
        self._process.wait()
        self._close()

    def __enter__(self) -> LocalCloudProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """What makes boto3 use it: endpoint, Region and any credentials."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }

    def _first_line(self, timeout: float) -> bytes:
        assert self._process.stdout is not None
        end = time.monotonic() + timeout
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise TimeoutError("the local EC2 is not ready in time")
                part = os.read(self._process.stdout.fileno(), 65536)
                if not part:
                    status = self._process.wait()
                    raise RuntimeError(
                        f"the local EC2 ended with status {status} while starting"
                    )
                line += part
        return line

    def _close(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
