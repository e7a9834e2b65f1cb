"""A package index of this test session, on an address of loopback of its own."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

#: Not 127.0.0.1: a machine takes that for itself, and never asks a proxy for it.
ADDRESS = "127.0.0.2"
WHEEL = "snowpack-1.0-py3-none-any.whl"


def make_index(folder: Path) -> None:
    """A simple index with one package, ``snowpack`` 1.0, as files."""
    place = folder / "simple" / "snowpack"
    place.mkdir(parents=True)
    info = "snowpack-1.0.dist-info"
    with zipfile.ZipFile(place / WHEEL, "w") as wheel:
        wheel.writestr("snowpack.py", "DEPTH = 3\n")
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: snowpack\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
        )
        names = ("snowpack.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD")
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
    (place / "index.html").write_text(f'<a href="{WHEEL}">{WHEEL}</a>')


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Serve what is in a folder; gives ``HOST:PORT``."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer((ADDRESS, 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"{ADDRESS}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
