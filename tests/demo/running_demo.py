"""``ec2spawner demo`` as a user runs it, and a look for whatever is left of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("ec2spawner"))
# Everything of a demo carries the first; machines only the second, with their cloud.
_MARKERS = (rb"EC2SPAWNER_DEMO=[0-9a-f]+", rb"EC2SPAWNER_LOCAL=[0-9a-f]+")


def run(
    *arguments: str, timeout: float = 120, environment: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
    )


def eventually(is_true: Callable[[], object], timeout: float = 30) -> None:
    end = time.monotonic() + timeout
    while not is_true():
        assert time.monotonic() < end, "this never became true"
        time.sleep(0.1)


class RunningDemo:
    """A demo for a person, up and ready. Killed at the end if it still runs."""

    def __init__(self, output: Path, *arguments: str) -> None:
        self._output = output
        with open(output, "wb") as file:
            self.process = subprocess.Popen(
                [COMMAND, "demo", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                # As in a terminal: a Ctrl-C goes to the whole group.
                start_new_session=True,
            )

    def __enter__(self) -> RunningDemo:
        eventually(lambda: "What EC2 is asked" in self.text() or self.has_ended, 60)
        assert not self.has_ended, self.text()
        return self

    def __exit__(self, *error: object) -> None:
        if not self.has_ended:
            self.process.kill()
            self.process.wait()

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def text(self) -> str:
        """What it has printed so far."""
        return self._output.read_text()

    @property
    def url(self) -> str:
        return self._find(r"Open +(http://\S+)")

    @property
    def password(self) -> str:
        return self._find(r"Password +(\S+)")

    @property
    def admin_password(self) -> str:
        return self._find(r"Admin +admin, with the password (\S+)")

    @property
    def ls_line(self) -> str:
        return self._find(r"(ec2spawner ls .*)")

    def _find(self, pattern: str) -> str:
        found = re.search(pattern, self.text())
        assert found is not None, self.text()
        return found.group(1)

    def press_ctrl_c(self) -> int:
        """As a terminal does it; returns the exit status."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)


class Traces:
    """What a running demo has on this computer, to look for later."""

    def __init__(self, demo: RunningDemo) -> None:
        self.processes = _descendants(demo.process.pid)
        environments = [_environ(pid) for pid in self.processes]
        self.markers = {
            match
            for environ in environments
            for pattern in _MARKERS
            for match in re.findall(pattern, environ)
        }
        settings = (
            re.findall(rb"EC2SPAWNER_DEMO_SETTINGS=([^\0]+)", e) for e in environments
        )
        self.folders = {Path(f.decode()).parent for found in settings for f in found}
        self.ports = _listening(self.processes)

    def left(self) -> list[str]:
        """What of it is still there."""
        return [
            *(f"process {pid}" for pid in self._marked()),
            *(f"folder {folder}" for folder in self.folders if folder.exists()),
            *(f"address {a}:{p}" for a, p in self.ports if _answers(a, p)),
        ]

    def _marked(self) -> list[int]:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            environ = _environ(int(entry.name)) + b"\0"
            # "/..." after the marker of a cloud is one of its machines
            if any(m + end in environ for m in self.markers for end in (b"\0", b"/")):
                found.append(int(entry.name))
        return found


def _environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _descendants(root: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "stat").read_text()
        except OSError:
            continue
        parents[int(entry.name)] = int(text[text.rindex(")") + 2 :].split()[1])
    found, level = [], [root]
    while level:
        level = [pid for pid, parent in parents.items() if parent in level]
        found += level
    return found


def _listening(processes: list[int]) -> set[tuple[str, int]]:
    """The addresses and ports on which these processes listen."""
    inodes = set()
    for pid in processes:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes |= set(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
            except OSError:
                pass
    return {
        address
        for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6))
        for fields in map(str.split, _rows(Path("/proc/net") / table))
        if fields[3] == "0A" and fields[9] in inodes  # LISTEN
        for address in [_address(fields[1], family)]
    }


def _rows(table: Path) -> list[str]:
    return table.read_text().splitlines()[1:]


def _address(text: str, family: int) -> tuple[str, int]:
    """The kernel writes addresses in words of four bytes, each from the end."""
    address, port = text.split(":")
    data = bytes.fromhex(address)
    words = b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))
    return socket.inet_ntop(family, words), int(port, 16)


def _answers(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as attempt:
        return attempt.connect_ex((address, port)) == 0
