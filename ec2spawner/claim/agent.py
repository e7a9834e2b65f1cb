#!/usr/bin/env python3
"""The ec2spawner agent: claims this machine's orders from the Hub and obeys them.

It travels as the machine's user-data and needs Python 3.8 and nothing else. Under
systemd it installs itself as a service, so that it runs at every boot. It never
prints what it is ordered to keep: its output is the machine's console.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import pwd
import queue
import random
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from typing import Any, Callable, NoReturn

CONFIG_MARK = "# ec2spawner-config: "
INSTALLED = "/var/lib/ec2spawner/agent.py"
AGENT_UNIT = "/etc/systemd/system/ec2spawner-agent.service"
SERVER_UNIT = "/run/systemd/system/ec2spawner-server.service"
SERVER = "ec2spawner-server.service"
LOG_LINES = 40
RESTARTS = 3
# Set on machines of the local EC2 that are plain processes without systemd.
PROCESS_MACHINE = "EC2SPAWNER_LOCAL"


def say(text: str) -> None:
    print("ec2spawner: " + text, flush=True)


class Failed(Exception):
    """The machine cannot serve; the text says why, and ``log`` may show more."""

    def __init__(self, text: str, log: str = "") -> None:
        super().__init__(text)
        self.log = log


def request(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    source: str = "",
    timeout: float = 15,
) -> tuple[int, bytes]:
    """One HTTP request without proxies: (status, body). Raises OSError."""
    parts = urllib.parse.urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(
        parts.hostname or "",
        parts.port,
        timeout=timeout,
        source_address=(source, 0) if source else None,
    )
    try:
        path = parts.path + ("?" + parts.query if parts.query else "")
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as e:
        raise OSError(repr(e)) from e
    finally:
        connection.close()


class Metadata:
    """EC2's instance metadata service, version 2."""

    def __init__(self) -> None:
        base = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        self.base = (base or "http://169.254.169.254").rstrip("/")
        self.token = ""

    def get(self, path: str) -> bytes:
        for attempt in range(60):
            try:
                if not self.token:
                    self.token = self._new_token()
                headers = {"X-aws-ec2-metadata-token": self.token}
                url = self.base + "/latest/" + path
                status, body = request("GET", url, headers=headers, timeout=5)
                if status == 200:
                    return body
                self.token, why = "", "HTTP %i" % status
            except OSError as e:
                why = repr(e)
            if attempt == 5:
                say("the metadata service does not answer yet: " + why)
            time.sleep(1)
        raise Failed("the metadata service does not answer")

    def _new_token(self) -> str:
        headers = {"X-aws-ec2-metadata-token-ttl-seconds": "3600"}
        url = self.base + "/latest/api/token"
        status, body = request("PUT", url, headers=headers, timeout=5)
        if status != 200:
            raise OSError("no metadata token: HTTP %i" % status)
        return body.decode()


def read_config(user_data: bytes) -> dict[str, Any]:
    """The JSON behind CONFIG_MARK in this machine's user-data."""
    if user_data[:2] == b"\x1f\x8b":
        user_data = gzip.decompress(user_data)
    for line in reversed(user_data.decode().splitlines()):
        if line.startswith(CONFIG_MARK):
            text = base64.b64decode(line[len(CONFIG_MARK) :])
            config: dict[str, Any] = json.loads(text)
            return config
    raise Failed("the user-data of this machine is not ec2spawner's")


class Hub:
    """The two things a machine says to the Hub."""

    def __init__(self, config: dict[str, Any], address: str, machine_key: str) -> None:
        self.config = config
        self.address = address
        self.identity = {"launch_id": config["launch_id"], "machine_key": machine_key}

    def post(self, what: str, body: dict[str, Any]) -> tuple[int, bytes]:
        url = self.config["hub_api_url"].rstrip("/") + "/ec2spawner/" + what
        data = json.dumps(dict(body, **self.identity)).encode()
        headers = {"Content-Type": "application/json"}
        return request("POST", url, data, headers, source=self.address)

    def claim(self) -> dict[str, Any]:
        """The orders. Retries while the Hub is away, up to the claim's limit."""
        deadline = time.monotonic() + self.config["claim_timeout"]
        wait, said = 0.25, ""
        while True:
            try:
                status, body = self.post("claim", {"nonce": self.config["nonce"]})
                if status == 200:
                    orders: dict[str, Any] = json.loads(body)
                    return orders
                why = "HTTP %i" % status
                if status in (400, 409):
                    raise Failed("the Hub refused the claim: " + why)
            except OSError as e:
                why = repr(e)
            if why != said:
                say("claiming from %s: %s" % (self.config["hub_api_url"], why))
                said = why
            if time.monotonic() + wait > deadline:
                raise Failed("no answer to the claim within its limit")
            time.sleep(wait * random.uniform(0.7, 1.3))
            wait = min(wait * 1.5, 5)


class Reporter(threading.Thread):
    """Sends reports in order, each until it is heard; the work does not wait."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(daemon=True)
        self.hub = hub
        self.began = time.monotonic()
        self.reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self.start()

    def report(self, step: str, message: str = "", log: str = "") -> None:
        say(step + (": " + message if message else ""))
        report: dict[str, Any] = {"step": step, "message": message[:500]}
        report["log"] = log[-4000:]
        report["seconds"] = round(time.monotonic() - self.began, 2)
        self.reports.put(report)

    def run(self) -> NoReturn:
        while True:
            report, wait = self.reports.get(), 0.5
            while True:
                try:
                    status, _ = self.hub.post("report", report)
                    if status < 500:
                        break
                except OSError:
                    pass
                time.sleep(wait)
                wait = min(wait * 2, 10)
            self.reports.task_done()

    def flush(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.reports.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.1)


def run_lines(
    command: list[str], on_line: Callable[[str], None], **options: Any
) -> tuple[int, str]:
    """Run a command, hand over each line it prints; (exit code, last lines)."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,
    )
    last: list[str] = []
    over = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for raw in process.stdout:
            if not over.is_set():
                last.append(raw.decode(errors="replace").rstrip())
                del last[:-LOG_LINES]
                on_line(last[-1])

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    code = process.wait()
    # What it has left in the background may hold the pipe open for ever.
    reader.join(1)
    over.set()
    return code, "\n".join(last)


def write_private(path: str, text: str, mode: int = 0o400) -> None:
    """A file that only its owner can read, and that is there whole or not at all."""
    new = path + ".new"
    if os.path.exists(new):
        os.unlink(new)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(new, flags, mode), "w") as f:
        f.write(text)
    os.replace(new, path)


class SystemdHost:
    """A real machine: the server is a systemd unit of an unprivileged account."""

    # A tmpfs: what is in it is of this boot, and on no disk.
    run_folder = "/run/ec2spawner"

    def account(self, name: str) -> str:
        try:
            return pwd.getpwnam(name).pw_dir
        except KeyError:
            add = ["useradd", "--create-home", "--shell", "/bin/bash", name]
            code, log = run_lines(add, lambda line: None)
            if code:
                raise Failed("cannot make the account %s" % name, log)
            return pwd.getpwnam(name).pw_dir

    def start(
        self, command: list[str], env: dict[str, str], account: str, home: str
    ) -> None:
        env_file = self.run_folder + "/server.env"
        lines = []
        for name, value in sorted(env.items()):
            # Others systemd drops, and writes with their value to the journal: a disk.
            if name.isidentifier() and name.isascii():
                lines.append("%s=%s\n" % (name, quote_env(value)))
            else:
                say("no service can have a variable named %r: left out" % name)
        write_private(env_file, "".join(lines))
        unit = [
            "[Unit]",
            "Description=Jupyter server of ec2spawner",
            "[Service]",
            "User=" + account,
            "WorkingDirectory=" + home.replace("%", "%%"),
            "EnvironmentFile=" + env_file,
            "ExecStart=" + " ".join(quote_exec(c) for c in command),
            "OOMPolicy=continue",
            "",
        ]
        with open(SERVER_UNIT, "w") as f:
            f.write("\n".join(unit))
        subprocess.check_call(["systemctl", "daemon-reload"])
        reset = ["systemctl", "reset-failed", SERVER]
        subprocess.call(reset, stderr=subprocess.DEVNULL)
        subprocess.check_call(["systemctl", "restart", SERVER])

    def exit_code(self) -> int | None:
        """None while the server runs."""
        show = ["systemctl", "show", SERVER, "-p"]
        text = subprocess.check_output(
            show + ["ActiveState,ExecMainCode,ExecMainStatus"]
        )
        shown = dict(line.split("=", 1) for line in text.decode().split())
        if shown.get("ActiveState") not in ("inactive", "failed"):
            return None
        status = int(shown.get("ExecMainStatus", 1))
        # Negative for a signal, as subprocess has it (waitid(2): CLD_EXITED is 1).
        return status if shown.get("ExecMainCode") == "1" else -status

    def log(self) -> str:
        show = ["journalctl", "-u", SERVER, "-o", "cat", "--no-pager", "-n"]
        return subprocess.check_output(show + [str(LOG_LINES)]).decode(errors="replace")

    def stop(self) -> None:
        subprocess.call(["systemctl", "stop", SERVER])


class ProcessHost:
    """A machine of the local EC2: the server is a child, the account is nobody's."""

    def __init__(self) -> None:
        self.home = os.path.expanduser("~")
        self.run_folder = os.path.join(self.home, ".ec2spawner")
        # Here the agent is the first process of a boot, and this folder a disk.
        shutil.rmtree(self.run_folder, ignore_errors=True)
        self.log_path = os.path.join(self.run_folder, "server.log")
        self.server: subprocess.Popen[bytes] | None = None

    def account(self, name: str) -> str:
        return self.home

    def start(
        self, command: list[str], env: dict[str, str], account: str, home: str
    ) -> None:
        with open(self.log_path, "ab") as log:
            self.server = subprocess.Popen(
                command,
                cwd=home,
                env=dict(os.environ, **env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        return self.server.poll() if self.server else None

    def log(self) -> str:
        with open(self.log_path, errors="replace") as f:
            return "".join(f.readlines()[-LOG_LINES:])

    def stop(self) -> None:
        if self.server and self.server.poll() is None:
            self.server.terminate()


def quote_env(value: str) -> str:
    """A value for systemd's EnvironmentFile (systemd.exec, "EnvironmentFile=")."""
    if "\0" in value:
        raise Failed("an environment variable of the orders holds a NUL")
    for char in '\\"`$':
        value = value.replace(char, "\\" + char)
    return '"%s"' % value


def quote_exec(word: str) -> str:
    """A word for systemd's ExecStart= (systemd.service, "Command lines")."""
    word = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"%s"' % word.replace("%", "%%").replace("$", "$$").replace("\n", "\\n")


class Agent:
    """From the claim to the end of the server."""

    def __init__(self) -> None:
        self.host: SystemdHost | ProcessHost
        if os.path.isdir("/run/systemd/system"):
            self.host = SystemdHost()
        elif PROCESS_MACHINE in os.environ:
            self.host = ProcessHost()
        else:
            raise Failed("this machine does not run systemd")
        os.makedirs(self.host.run_folder, mode=0o700, exist_ok=True)
        self.reporter: Reporter | None = None
        self.came_back = False

    def run(self) -> None:
        metadata = Metadata()
        config = read_config(metadata.get("user-data"))
        self.address = metadata.get("meta-data/local-ipv4").decode()
        hub = Hub(config, self.address, self.machine_key())
        orders = self.orders(hub)
        self.reporter = Reporter(hub)
        self.obey(orders, self.reporter.report)

    def orders(self, hub: Hub) -> dict[str, Any]:
        """Claim them, or go on with those of this boot if we died and came back."""
        path = os.path.join(self.host.run_folder, "orders")
        if os.path.exists(path):
            with open(path) as f:
                kept: dict[str, Any] = json.load(f)
            say("going on with the orders of this boot")
            self.came_back = True
            return kept
        orders = hub.claim()
        say("claimed the orders of launch " + hub.config["launch_id"])
        write_private(path, json.dumps(orders))
        return orders

    def machine_key(self) -> str:
        """What proves, for as long as this boot lasts, that it is still us."""
        path = os.path.join(self.host.run_folder, "machine-key")
        if not os.path.exists(path):
            write_private(path, secrets.token_urlsafe(32))
        with open(path) as f:
            return f.read()

    def obey(self, orders: dict[str, Any], tell: Callable[..., None]) -> None:
        tell("account")
        home = self.host.account(orders["account"])
        running = self.came_back and self.host.exit_code() is None
        if orders["setup_script"] and not running:
            tell("setup")
            self.set_up(orders, tell)
        path = os.pathsep.join(orders["server_path"] + [os.environ.get("PATH", "")])
        env = {"PATH": path, "HOME": home, "USER": orders["account"]}
        env.update(orders["env"])
        program = shutil.which(orders["command"][0], path=env["PATH"])
        if program is None:
            raise Failed("there is no %s on this image" % orders["command"][0])
        command = [program] + orders["command"][1:]
        if not running:
            tell("starting")
            self.host.start(command, env, orders["account"], home)
        self.serve(orders, command, env, home, tell)

    def serve(
        self,
        orders: dict[str, Any],
        command: list[str],
        env: dict[str, str],
        home: str,
        tell: Callable[..., None],
    ) -> None:
        was_ready, code, log = False, 0, ""
        for left in range(RESTARTS, -1, -1):
            code, ready = self.watch(orders["ready_url"], tell)
            was_ready = was_ready or ready
            log = self.host.log()
            say("the server exited with code %i, its last lines:\n%s" % (code, log))
            if not was_ready:
                raise Failed("the server exited with code %i" % code, log)
            if code == 0 or not left:
                break
            tell("restarting", "the server exited with code %i" % code, log)
            time.sleep(1)
            self.host.start(command, env, orders["account"], home)
        tell("exited", "the server exited with code %i" % code, log)

    def watch(self, ready_url: str, tell: Callable[..., None]) -> tuple[int, bool]:
        """(exit code, whether it was ready) once the server has exited."""
        ready = False
        while True:
            code = self.host.exit_code()
            if code is not None:
                return code, ready
            if not ready and self.answers(ready_url):
                ready = True
                tell("ready")
            time.sleep(1 if ready else 0.25)

    def answers(self, url: str) -> bool:
        try:
            return request("GET", url, source=self.address, timeout=5)[0] < 500
        except OSError:
            return False

    def set_up(self, orders: dict[str, Any], tell: Callable[..., None]) -> None:
        script = os.path.join(self.host.run_folder, "setup")
        write_private(script, orders["setup_script"], 0o700)
        # As the kernel would: but that refuses where /run is mounted noexec, as it
        # is on Debian and Ubuntu.
        first = orders["setup_script"].split("\n", 1)[0]
        command = first[2:].strip().split(None, 1) + [script]
        last = [0.0]

        def on_line(line: str) -> None:
            say("setup: " + line)
            # The progress page is read by people: a line a second is enough.
            if line.strip() and time.monotonic() - last[0] > 1:
                last[0] = time.monotonic()
                tell("setup", line.strip())

        # systemd gives its services no HOME; git, pip and conda want one.
        env = dict(os.environ, EC2SPAWNER_ACCOUNT=orders["account"])
        env.setdefault("HOME", os.path.expanduser("~"))
        try:
            code, log = run_lines(command, on_line, env=env, cwd="/")
        except OSError as e:
            raise Failed("setup_script cannot be run: %s" % e)
        if code:
            raise Failed("setup_script failed with code %i" % code, log)


def install() -> None:
    """Make this file a service, so that it runs at this boot and every later one."""
    os.makedirs(os.path.dirname(INSTALLED), mode=0o700, exist_ok=True)
    shutil.copyfile(os.path.abspath(__file__), INSTALLED)
    unit = [
        "[Unit]",
        "Description=ec2spawner agent",
        "Wants=network-online.target",
        "After=network-online.target",
        "[Service]",
        "ExecStart=%s %s run" % (sys.executable, INSTALLED),
        "StandardOutput=journal+console",
        "Restart=on-failure",
        "RestartSec=1",
        # However often: without an agent the machine would run until noticed. In
        # this section also systemd 219 knows it.
        "StartLimitInterval=0",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ]
    with open(AGENT_UNIT, "w") as f:
        f.write("\n".join(unit))
    name = os.path.basename(AGENT_UNIT)
    for order in ("daemon-reload", "enable " + name, "start --no-block " + name):
        subprocess.check_call(["systemctl"] + order.split())


def power_off() -> None:
    """End this machine: EC2 terminates one that shuts itself down."""
    say("powering off")
    subprocess.call(["shutdown", "-h", "now"])


def main() -> None:
    under_systemd = os.path.isdir("/run/systemd/system")
    if under_systemd and sys.argv[1:] != ["run"]:
        return install()
    agent: Agent | None = None

    def on_term(signum: int, frame: Any) -> NoReturn:
        if agent:
            agent.host.stop()
        sys.exit(0)

    signal.signal(signal.SIGTERM, on_term)
    try:
        agent = Agent()
        agent.run()
    except Exception as e:
        say("cannot go on: %s" % e)
        if agent and agent.reporter:
            agent.reporter.report("failed", str(e), getattr(e, "log", ""))
    if agent and agent.reporter:
        agent.reporter.flush(30)
    power_off()


if __name__ == "__main__":
    main()
