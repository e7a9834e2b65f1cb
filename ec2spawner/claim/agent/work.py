"""From the claim to the end of the server."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from typing import Any, Callable, NoReturn

from .commands import is_full, run_lines, write_private
from .config import read_config, script_of
from .deadman import DeadMan
from .home import Unusable
from .hub import Hub, Reporter
from .metadata import Metadata
from .notices import Watch
from .process import ProcessHost
from .service import power_off
from .sleep import Sleep, Woken
from .systemd import SystemdHost
from .wire import request
from .words import Failed, say

RESTARTS = 3
#: of the orders that a server goes on with which has hibernated
NEW_WHEN_WOKEN = (
    "goes_on",
    "hibernates",
    "hub_silence_limit",
    "max_lifetime",
    "nonce",
    "ready_url",
)
# Set on machines of the local EC2 that are plain processes without systemd.
PROCESS_MACHINE = "EC2SPAWNER_LOCAL"


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
        self.sleep: Sleep | None = None

    def run(self) -> None:
        while self.serve_until_sleep():
            say("this machine has hibernated, and wakes up")

    def serve_until_sleep(self) -> bool:
        """From a claim to the end of the server; or, when true, to the next claim."""
        metadata = Metadata()
        script = script_of(metadata.get("user-data"))
        config = read_config(script)
        self.host.renew_agent(script)
        self.address = metadata.get("meta-data/local-ipv4").decode()
        hub = Hub(config, self.address, self.machine_key())
        orders = self.orders(hub)
        reporter = self.reporter = self.reporter or Reporter(hub)
        reporter.hub = hub
        self.sleep = Sleep(config["nonce"]) if orders["hibernates"] else None
        dead_man = DeadMan(
            hub,
            orders,
            # The Hub gives each launch and each waking a nonce of its own.
            hashlib.sha256(config["nonce"].encode()).hexdigest(),
            (self.host.run_folder, self.host.disk_folder),
            lambda text: reporter.report("warning", text),
            self.end_machine,
        )
        dead_man.start()
        try:
            self.obey(orders, reporter.report)
        except Woken:
            dead_man.over.set()
            return True
        return False

    def end_machine(self, why: str) -> NoReturn:
        """Whatever the server is doing. Its unit ends with the machine, in order."""
        if self.reporter:
            self.reporter.report("exited", "the machine ends: " + why)
            self.reporter.flush(10)
        while True:
            power_off()
            time.sleep(60)

    def orders(self, hub: Hub) -> dict[str, Any]:
        """Claim them, or go on with those of this boot if we died and came back."""
        path = os.path.join(self.host.run_folder, "orders")
        kept: dict[str, Any] = {}
        if os.path.exists(path):
            with open(path) as f:
                kept = json.load(f)
        nonce = hub.config["nonce"]
        if kept and kept["nonce"] == nonce:
            say("going on with the orders of this boot")
            self.came_back = True
            return kept
        self.came_back = False
        orders = dict(hub.claim(), nonce=nonce)
        say("claimed the orders of launch " + hub.config["launch_id"])
        if orders["goes_on"]:
            # What was in memory has it all, and the Hub has no token to give.
            orders = dict(kept, **{name: orders[name] for name in NEW_WHEN_WOKEN})
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
        if orders["home_volume"]:
            tell("home")
            account, seed = orders["account"], orders["home_seed"]
            try:
                home = self.host.move_in(orders["home_volume"], account, home, seed)
                tell("mounted")
            except Unusable as e:
                tell("rescue", str(e), e.log)
        if orders["data_volumes"]:
            tell("data")
            self.host.mount_data(orders["data_volumes"], home)
        same = self.came_back or orders["goes_on"]
        running = same and self.host.exit_code() is None
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
        # Where somebody works already the watch sees to it: that never ends a server.
        if not running:
            self.look_after(orders)
            tell("starting")
            self.host.start(command, env, orders["account"], home)
        watch = Watch(tell, lambda: self.look_after(orders))
        try:
            self.serve(orders, command, env, home, tell)
        finally:
            watch.over.set()

    def look_after(self, orders: dict[str, Any]) -> None:
        """See to what must be so for as long as the user works here."""
        if orders["block_metadata"]:
            self.host.close_metadata(orders["account"])

    def serve(
        self,
        orders: dict[str, Any],
        command: list[str],
        env: dict[str, str],
        home: str,
        tell: Callable[..., None],
    ) -> None:
        was_ready, code, log, why = False, 0, "", ""
        for left in range(RESTARTS, -1, -1):
            code, ready = self.watch(orders["ready_url"], tell)
            was_ready = was_ready or ready
            log = self.host.log()
            say("the server exited with code %i, its last lines:\n%s" % (code, log))
            why = "the server exited with code %i" % code
            if is_full(home):
                why += ", and no space is left in its home"
            if not was_ready:
                raise Failed(why, log)
            if code == 0 or not left:
                break
            tell("restarting", why, log)
            time.sleep(1)
            self.look_after(orders)
            self.host.start(command, env, orders["account"], home)
        tell("exited", why, log)

    def watch(self, ready_url: str, tell: Callable[..., None]) -> tuple[int, bool]:
        """(exit code, whether it was ready) once the server has exited."""
        ready = False
        while True:
            code = self.host.exit_code()
            if code is not None:
                return code, ready
            if self.sleep:
                self.sleep.check()
            if not ready and self.answers(ready_url):
                ready = True
                tell("ready")
            time.sleep(1 if ready else 0.25)

    def answers(self, url: str) -> bool:
        try:
            return request("GET", url, source=self.address, timeout=5).status < 500
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
            raise Failed(
                "the set-up of the machine failed (setup_script ended with code %i)"
                % code,
                log,
            )
