"""Everything that a demo consists of, started and taken down in order."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from localec2 import Keeper, LocalCloudProcess, LocalControl, LocalSettings
from localec2.net import this_computer
from localec2.processes.marked import kill_marked, marked_processes, remove_folder
from localec2.roots.roots import CannotBoot, kept

from .hub import SETTINGS, DemoHub, write_admin_config
from .kinds import KINDS, Kind
from .ports import LOOPBACK, free_ports, why_not_free

#: in the environment of everything that a demo starts: its id
MARKER = "EC2SPAWNER_DEMO"
# No letters and digits that look alike.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GONE_SECONDS = 10


class DemoError(Exception):
    """The demo cannot go on. The text says why."""


@dataclass(frozen=True)
class DemoOptions:
    """What can be chosen about a demo."""

    port: int = 0
    idle_timeout: int = 900
    #: where the Hub's log goes; None for the demo's own folder
    log: Path | None = None
    kind: Kind = KINDS["process"]
    #: machines reach the package registries that this computer uses
    outside: bool = False

    @property
    def settings(self) -> LocalSettings:
        """What the local EC2 is started with."""
        more = this_computer.ways(kept()) if self.outside else {}
        return self.kind.settings.changed(more)


class Demo:
    """A local EC2 and a JupyterHub, in a folder that goes when they go.

    Use it as a context manager; inside, call :meth:`start_cloud` and then
    :meth:`start_hub`.

    :raises DemoError: when the port that is asked for is taken
    """

    def __init__(self, options: DemoOptions) -> None:
        self.options = options
        self.id = secrets.token_hex(8)
        self.password = _password()
        # JupyterHub wants 32 characters.
        self.admin_password = _password(groups=7)
        self._parts = ExitStack()
        self._ports: list[int] = []
        self.folder: Path
        self.log: Path
        self.public_url: str
        self.cloud: LocalCloudProcess
        self.hub: DemoHub | None = None

    def __enter__(self) -> Demo:
        port = self.options.port
        if port and (why := why_not_free(port)):
            raise DemoError(
                f"cannot use port {port}: {why}. Leave --port out for a free one"
            )
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="ec2spawner-demo-"))
            self._parts.callback(remove_folder, str(self.folder))
            # For the case that this process is killed: it sees to the rest.
            self._parts.enter_context(Keeper(MARKER, self.id, [self.folder]))
            self._parts.callback(kill_marked, MARKER, self.id)
        except BaseException:
            self.stop()
            raise
        self.log = self.options.log or self.folder / "hub.log"
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def control(self) -> LocalControl:
        return self.cloud.control

    def prepare(self, tell: Callable[[str], None]) -> None:
        """Make what machines boot from, when it is not there: that takes minutes.

        :raises DemoError: when that does not work
        """
        try:
            self.options.kind.prepare(tell)
        except CannotBoot as e:
            raise DemoError(str(e)) from e

    def start_cloud(self) -> None:
        """Start the local EC2.

        :raises DemoError: with the last lines of its log
        """
        log = self.folder / "ec2.log"
        temporary = self.folder / "tmp"
        temporary.mkdir()
        marks = {MARKER: self.id, "TMPDIR": str(temporary)}
        try:
            with _environment(marks), open(log, "ab") as file:
                self.cloud = LocalCloudProcess(
                    self.options.settings, folder=self.folder, stderr=file
                )
        except (RuntimeError, asyncio.TimeoutError) as e:
            raise DemoError(f"{e}\n{log.read_text(errors='replace')[-2000:]}") from e
        self._parts.callback(self.cloud.stop)

    def start_hub(self) -> None:
        """Start JupyterHub with its proxy, and wait until it answers.

        :raises HubFailed: when it does not come up
        """
        public, hub, api = free_ports(3)
        public = self.options.port or public
        self._ports = [public, hub, api]
        self.public_url = f"http://{LOOPBACK}:{public}/"
        found = self.control.resources()
        settings = {
            "public_url": self.public_url,
            # Where machines reach it.
            "hub_url": f"http://{self.cloud.hub_address}:{hub}/",
            "proxy_api_url": f"http://{LOOPBACK}:{api}",
            "proxy_api_password": secrets.token_urlsafe(16),
            "password": self.password,
            "admin_password": self.admin_password,
            "idle_timeout": self.options.idle_timeout,
            "builds": self.options.outside,
            "endpoint_url": self.cloud.endpoint_url,
            "region": found.region,
            "image": found.image_id,
            "subnets": list(found.subnet_ids.values()),
            "security_groups": [found.security_group_id],
            "start_timeout": self.options.kind.start_timeout,
            "http_timeout": self.options.kind.answer_timeout,
            "identity_certificate": self.control.identity_certificate(),
            # Processes are whoever runs the demo: no port is only root's.
            "claims_as_root": self.options.kind.boots,
            "marker": {MARKER: self.id},
        }
        file = self.folder / "settings.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(settings))
        write_admin_config(self.folder, file, self.cloud.environment())
        self.hub = DemoHub(
            self.public_url,
            self.folder,
            self.log,
            {
                **self.cloud.environment(),
                SETTINGS: str(file),
                "TMPDIR": str(self.folder / "tmp"),
                MARKER: self.id,
            },
        )
        self._parts.callback(self.stop_hub)
        self.hub.wait_until_up()

    def stop_hub(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """End the Hub, which ends every server and so every machine."""
        if self.hub is not None:
            hub, self.hub = self.hub, None
            hub.stop(meanwhile=meanwhile)

    def stop(self) -> None:
        """End everything, and remove the folder."""
        self._parts.close()

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of the Hub's log."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:])

    def left_behind(self) -> str | None:
        """After :meth:`stop`: what is left of the demo; None for nothing."""
        end = time.monotonic() + _GONE_SECONDS
        while found := self._left():
            if time.monotonic() > end:
                return found
            time.sleep(0.1)
        return None

    def _left(self) -> str | None:
        if processes := marked_processes(MARKER, self.id):
            return f"the processes {processes}"
        if ports := [port for port in self._ports if why_not_free(port)]:
            return f"somebody on the ports {ports}"
        return f"the folder {self.folder}" if self.folder.exists() else None


def _password(groups: int = 3) -> str:
    return "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(groups)
    )


@contextmanager
def _environment(additions: dict[str, str]) -> Iterator[None]:
    """For what is started inside: it inherits this process's environment."""
    before = {name: os.environ.get(name) for name in additions}
    os.environ.update(additions)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
