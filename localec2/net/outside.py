"""A machine's way out of its VPC, to package registries that are on a list.

Machines that boot have no route out. When `LocalSettings.outside` names places, a proxy
runs beside the cloud, at the address where machines reach this computer. A machine's
root is then configured as an institution's own image is: pip, uv, apt, git and curl on
it find the proxy, the package index and the certificates by themselves.

What tells them is a layer under the machine's own: no image made of it holds it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..processes.marked import MARKER
from ..settings import LocalSettings
from . import proxy

#: where a machine finds the certificates that this computer trusts
CERTIFICATES = "usr/local/share/ec2spawner-local/certificates.pem"

_THEIRS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")


def environment(settings: LocalSettings, proxy_url: str, direct: str) -> dict[str, str]:
    """What programs on a machine read, pip, uv, git and curl among them.

    :param direct: hosts that are not asked for through the proxy, with commas
    """
    found = {"no_proxy": direct, "NO_PROXY": direct}
    for name in ("http_proxy", "https_proxy"):
        # curl reads http_proxy in small letters only; others read what they like.
        found[name] = found[name.upper()] = proxy_url
    if settings.index_urls:
        first, *more = settings.index_urls
        found |= {"PIP_INDEX_URL": first, "UV_DEFAULT_INDEX": first}
        if more:
            found |= {"PIP_EXTRA_INDEX_URL": " ".join(more), "UV_INDEX": " ".join(more)}
    if settings.ca_bundle:
        found |= {name: f"/{CERTIFICATES}" for name in (*_THEIRS, "PIP_CERT")}
    return found


def files(settings: LocalSettings, proxy_url: str, direct: str) -> dict[str, str]:
    """What tells the programs of a machine's root: path -> text."""
    known = environment(settings, proxy_url, direct)
    lines = [f'{name}="{value}"\n' for name, value in known.items()]
    apt = [f'Acquire::{kind}::Proxy "{proxy_url}";\n' for kind in ("http", "https")]
    if settings.ca_bundle:
        apt.append(f'Acquire::https::CaInfo "/{CERTIFICATES}";\n')
    # The proxy takes one request per connection.
    apt.append('Acquire::http::Pipeline-Depth "0";\n')
    return {
        # Whoever logs in, and whatever systemd starts.
        "etc/environment": "".join(lines),
        "etc/systemd/system.conf.d/90-outside.conf": "[Manager]\n"
        + "".join(
            f'DefaultEnvironment="{name}={value}"\n'.replace("%", "%%")
            for name, value in known.items()
        ),
        "etc/apt/apt.conf.d/90-outside": "".join(apt),
    }


class Outside:
    """The way out of one cloud, as long as it runs.

    :param hub_address: where machines reach this computer
    :param folder: its own, for layers and for what the proxy says
    """

    def __init__(self, cloud_id: str, hub_address: str, folder: Path) -> None:
        self._cloud_id = cloud_id
        self._hub_address = hub_address
        self._folder = folder
        #: what it has refused
        self._log = folder / "proxy.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._allowed: tuple[str, ...] = ()
        #: a folder for each way to configure a machine
        self._layers: dict[tuple[Any, ...], Path] = {}
        #: of the proxy, as machines reach it
        self.url = ""

    def allow(self, settings: LocalSettings) -> None:
        """Let machines out to what the settings name, and nowhere else, at once.

        Open connections stay open.

        :raises ValueError: when the settings name what is no place, or no file
        """
        for each in settings.outside:
            proxy.split_place(each)
        if settings.ca_bundle and not os.path.isfile(settings.ca_bundle):
            raise ValueError(f"ca_bundle: there is no file {settings.ca_bundle}")
        if settings.outside == self._allowed:
            return
        if self._process is None:
            self._process = self._start()
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(settings.outside).encode() + b"\n")
        process.stdin.flush()
        if not process.stdout.readline():
            raise RuntimeError(f"the proxy has ended: {self._log.read_text()}")
        self._allowed = settings.outside

    def layer(self, settings: LocalSettings) -> Path | None:
        """What lies over a machine's root, a folder; None when there is no way out."""
        if not settings.outside:
            return None
        key = (settings.index_urls, settings.ca_bundle)
        if key not in self._layers:
            place = self._folder / f"layer-{len(self._layers)}"
            self._write(settings, place)
            self._layers[key] = place
        return self._layers[key]

    def _write(self, settings: LocalSettings, place: Path) -> None:
        direct = f"localhost,127.0.0.1,169.254.169.254,{self._hub_address}"
        wanted = files(settings, self.url, direct)
        if settings.ca_bundle:
            wanted[CERTIFICATES] = Path(settings.ca_bundle).read_text()
        for path, text in wanted.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        # As in a root, whoever we are: everybody on a machine reads these.
        for each in (place, *place.rglob("*")):
            each.chmod(0o755 if each.is_dir() else 0o644)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            socket.create_server((self._hub_address, 0), backlog=64) as listener,
            self._log.open("ab") as log,
        ):
            host, port = listener.getsockname()
            # A process of its own: what machines download does not hold up the API.
            self.url = f"http://{host}:{port}"
            return subprocess.Popen(
                [sys.executable, "-I", proxy.__file__, str(listener.fileno())],
                pass_fds=(listener.fileno(),),
                env={"PATH": os.environ["PATH"], MARKER: self._cloud_id},
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
