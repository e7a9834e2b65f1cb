"""The init of a process machine: plays cloud-init, then waits.

Runs as a script, in the machine's environment, with the standard library only:
``boot.py FOLDER GRACE``. Standard output is the machine's console.

It fetches the user-data by IMDSv2. When that starts with ``#!`` it is written to a
file of mode 0700 and executed; when it ends, the machine powers off. Anything else
is reported on the console, and the machine idles, as a real one would.

Ends with `SHUTDOWN`, or `REBOOT` when the machine wants to boot again.
"""

from __future__ import annotations

import ctypes
import gzip
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

SHUTDOWN = 0
REBOOT = 79

_PR_SET_CHILD_SUBREAPER = 36
_wish: int | None = None


def log(text: str) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(f"[boot {stamp}] {text}", flush=True)


def metadata(path: str, token: str) -> bytes:
    base = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"].rstrip("/")
    request = urllib.request.Request(
        f"{base}/latest/{path}", headers={"X-aws-ec2-metadata-token": token}
    )
    with opener().open(request, timeout=5) as answer:
        body: bytes = answer.read()
    return body


def imds_token() -> str:
    base = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"].rstrip("/")
    request = urllib.request.Request(
        f"{base}/latest/api/token",
        method="PUT",
        headers={"X-aws-ec2-metadata-token-ttl-seconds": "300"},
    )
    with opener().open(request, timeout=5) as answer:
        token: bytes = answer.read()
    return token.decode()


def opener() -> urllib.request.OpenerDirector:
    # The metadata service is never behind a proxy.
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def user_data() -> bytes:
    """The instance's user-data, gunzipped; empty when it has none."""
    for attempt in range(20):
        try:
            raw = metadata("user-data", imds_token())
            break
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return b""
            problem: Exception = error
        except OSError as error:
            problem = error
        log(f"metadata service: {problem}; trying again")
        time.sleep(0.1 * (attempt + 1))
    else:
        log("no answer from the metadata service")
        return b""
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    return raw


def wish(number: int, frame: object) -> None:
    global _wish
    _wish = REBOOT if number == signal.SIGUSR2 else SHUTDOWN


def descendants() -> list[int]:
    """Every process below this one: as subreaper it keeps the orphans."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    text = file.read()
            except OSError:
                continue
            fields = text[text.rindex(b")") + 2 :].split()
            if fields[0] != b"Z":
                children.setdefault(int(fields[1]), []).append(int(entry))
    found: list[int] = []
    todo = list(children.get(os.getpid(), ()))
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo.extend(children.get(pid, ()))
    return found


def reap() -> dict[int, int]:
    """Collect ended children; as subreaper also what was orphaned."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = os.waitstatus_to_exitcode(status)


def wait(init: int | None) -> int:
    """Until the init process ends or somebody wants the machine to end."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    while _wish is None:
        ended = reap()
        if init is not None and init in ended:
            log(f"init ended with status {ended[init]}")
            return SHUTDOWN
        os.read(wake_read, 4096)
    return _wish


def power_down(grace: float) -> None:
    end = time.monotonic() + grace
    told: set[int] = set()
    while True:
        reap()
        found = descendants()
        if not found:
            return
        late = time.monotonic() > end
        # Again and again: one of them may have started another meanwhile.
        for pid in found:
            if late or pid not in told:
                told.add(pid)
                try:
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
                except ProcessLookupError:
                    pass
        time.sleep(0.01 if late else 0.02)


def main(folder: str, grace: float) -> int:
    # TERM is the power button; USR1 and USR2 come from the machine's own shutdown,
    # poweroff and reboot commands.
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, wish)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with open(os.path.join(folder, "run", "boot.pid"), "w") as file:
        file.write(str(os.getpid()))
    log(f"machine up, process {os.getpid()}")
    data = user_data()
    init: subprocess.Popen[bytes] | None = None
    if data.startswith(b"#!"):
        script = os.path.join(folder, "user-data")
        fd = os.open(script, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700)
        with os.fdopen(fd, "wb") as file_:
            file_.write(data)
        os.chmod(script, 0o700)
        # Before it runs: afterwards the line would come anywhere between its own.
        log("running the user-data")
        try:
            init = subprocess.Popen(
                [script], cwd=os.environ["HOME"], stdin=subprocess.DEVNULL
            )
        except OSError as error:
            log(f"the user-data cannot be executed: {error}")
    elif data:
        log("the user-data does not start with #!: not understood, idling")
    else:
        log("no user-data: idling")
    status = wait(init.pid if init else None)
    log("rebooting" if status == REBOOT else "powering off")
    power_down(grace)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
