"""From the orders to the end of the server."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import ssl
import sys
import time
from typing import Any, Callable, NoReturn

from ..commands import is_full, run_lines, write_private
from ..hub import Hub
from ..service import end
from ..start import folders
from ..unpack import PYTHON
from ..wire import request
from ..words import Failed, say
from .content import bring
from .deadman import DeadMan
from .home import Unusable
from .idle.jupyter import Jupyter
from .idle.sampler import Looking, Sampler
from .notices import Watch
from .people.told import People
from .process import ProcessHost
from .reporter import Reporter
from .sleep import Sleep, Woken
from .systemd import SystemdHost
from .tls import keep, own_server

RESTARTS = 3
# Between two looks at a server that starts, and with each of which of them it is asked
# whether it has ended.
LOOK_SECONDS, ASK_EACH = 0.05, 5


def main() -> None:
    """Obey the orders that were claimed. ``begin``, or ``go-on`` when we have died and
    come back in the same boot."""
    agent = Agent(again=sys.argv[1] == "go-on")

    def on_term(signum: int, frame: Any) -> NoReturn:
        agent.host.terminated()
        sys.exit(0)

    signal.signal(signal.SIGTERM, on_term)
    try:
        agent.run()
    except Exception as e:
        say("cannot go on: %s" % e)
        agent.reporter.report("failed", str(e), getattr(e, "log", ""))
    agent.reporter.flush(30)
    end()


class Agent:
    """From the orders to the end of the server."""

    def __init__(self, again: bool) -> None:
        run_folder, _, systemd = folders()
        self.host: SystemdHost | ProcessHost
        self.host = (SystemdHost if systemd else ProcessHost)(again)
        self.people = People(self.host.people_folder)
        with open(os.path.join(run_folder, "orders")) as f:
            self.orders: dict[str, Any] = json.load(f)
        with open(os.path.join(run_folder, "machine-key")) as f:
            key = f.read()
        self.again = again
        self.address: str = self.orders["address"]
        self.hub = Hub(self.orders["config"], self.address, key)
        self.reporter = Reporter(self.hub)
        # Gone at power-off, as the server: it outlives us, and so must what we saw.
        self.ready_note = os.path.join(self.host.run_folder, "server-was-ready")
        nonce = self.orders["nonce"]
        self.sleep = Sleep(nonce) if self.orders["hibernates"] else None
        self.trust: ssl.SSLContext | None = None
        self.dead_man: DeadMan | None = None
        # The Hub gives each launch and each waking a nonce of its own.
        self.start_id = hashlib.sha256(nonce.encode()).hexdigest()

    def run(self) -> None:
        """To the end of the server; or until this machine has slept, to claim anew."""
        dead_man = self.dead_man = DeadMan(
            self.hub,
            self.orders,
            self.start_id,
            (self.host.run_folder, self.host.disk_folder),
            lambda text: self.reporter.report("warning", text),
            self.end_machine,
            self.people.tell,
        )
        dead_man.start()
        try:
            self.obey(self.orders, self.reporter.report)
        except Woken:
            say("this machine has hibernated, and wakes up")
            os.execv(PYTHON[0], [*PYTHON, self.orders["program"], "woken"])

    def end_machine(self, why: str) -> NoReturn:
        """Whatever the server is doing. Its unit ends with the machine, in order."""
        self.reporter.report("exited", "the machine ends: " + why)
        self.reporter.flush(10)
        end()

    def obey(self, orders: dict[str, Any], tell: Callable[..., None]) -> None:
        tell("account")
        self.host.settle_in()
        home = self.house(orders, tell)
        if orders["data_volumes"]:
            tell("data")
            self.host.mount_data(orders["data_volumes"], home)
        same = self.again or orders["goes_on"]
        waits = self.host.preloaded.waits
        running = same and not waits and self.host.exit_code() is None
        if orders["setup_script"] and not running:
            tell("setup")
            self.set_up(orders, tell)
            self.host.settle_in()  # it may have installed what is to be kept away
        path = os.pathsep.join(orders["server_path"] + [os.environ.get("PATH", "")])
        env = {"PATH": path, "HOME": home, "USER": orders["account"]}
        env["JUPYTER_RUNTIME_DIR"] = self.host.runtime_folder
        env.update(orders["env"])
        if orders.get("tls"):
            group = self.host.numbers(orders["account"])[1]
            env.update(keep(orders["tls"], self.host.tls_folder, group))
            self.trust = own_server(orders["tls"], self.host.run_folder)
        env = self.people.welcome(orders, env, self.host.numbers(orders["account"]))
        program = shutil.which(orders["command"][0], path=env["PATH"])
        if program is None:
            raise Failed("there is no %s on this image" % orders["command"][0])
        command = [program] + orders["command"][1:]
        # Where somebody works already the watch sees to it: that never ends a server.
        if not running:
            self.look_after(orders)
            if orders.get("content"):
                account = orders["account"]
                bring(
                    orders["content"],
                    path,
                    home,
                    lambda command: self.host.as_user(account, command),
                    tell,
                )
            tell("starting")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.ready_note)
            self.host.start(command, env, orders["account"], home)
        watch = Watch(tell, lambda: self.look_after(orders), self.people.announce)
        looking = self.look_at_use(orders)
        try:
            self.serve(orders, command, env, home, tell)
        finally:
            watch.over.set()
            looking.over.set()

    def look_at_use(self, orders: dict[str, Any]) -> Looking:
        """See whether anybody uses the machine, for as long as the server runs."""
        token = orders["env"].get("JUPYTERHUB_API_TOKEN", "")
        jupyter = Jupyter(orders["ready_url"], token, self.address, self.trust)
        whose, said = self.host.whose(orders["account"]), self.people.said_path
        sampler = Sampler(whose, said, jupyter.kernels)
        dead_man = self.dead_man
        assert dead_man is not None, "it is asked for as long as we obey"
        dead_man.seen, dead_man.idle = sampler.seen, sampler.idle
        looking = Looking(sampler, dead_man.news.set, lambda: dead_man.pace)
        looking.start()
        return looking

    def house(self, orders: dict[str, Any], tell: Callable[..., None]) -> str:
        """Make the account, whose number is that of its files, and give it its home."""
        volume, account = orders["home_volume"], orders["account"]
        owner, unusable = 0, None
        if volume:
            tell("home")
            try:
                owner = self.host.home_owner(volume)
            except Unusable as e:
                unusable = e
        home = self.host.account(account, orders.get("user_uid") or owner)
        if unusable:
            self.host.explain(home, volume, str(unusable), account)
            tell("rescue", str(unusable), unusable.log)
        elif volume:
            home = self.host.move_in(
                volume,
                account,
                home,
                orders["home_seed"],
                lambda text: tell("home", text),
            )
            tell("mounted")
        return home

    def look_after(self, orders: dict[str, Any]) -> None:
        """See to what must be so for as long as the user works here."""
        if orders["block_metadata"]:
            self.host.close_metadata(orders["account"])
        else:
            self.host.open_metadata()

    def serve(
        self,
        orders: dict[str, Any],
        command: list[str],
        env: dict[str, str],
        home: str,
        tell: Callable[..., None],
    ) -> None:
        was_ready = os.path.exists(self.ready_note)
        code, log, why = 0, "", ""
        for left in range(RESTARTS, -1, -1):
            code, ready = self.watch(orders["ready_url"], tell)
            if not (ready or was_ready) and self.host.preloaded.failed():
                say("imported ahead, the server exited with code %i" % code)
                say("it is started anew:\n" + self.host.log())
                self.host.start(command, env, orders["account"], home)
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
        ready, looks = False, 0
        while True:
            # A user waits for each look; but what systemd says costs a process.
            if ready or looks % ASK_EACH == 0:
                code = self.host.exit_code()
                if code is not None:
                    return code, ready
            looks += 1
            if self.sleep:
                self.sleep.check()
            if not ready and self.answers(ready_url):
                ready = True
                write_private(self.ready_note, "")
                tell("ready")
            time.sleep(1 if ready else LOOK_SECONDS)

    def answers(self, url: str) -> bool:
        try:
            found = request(
                "GET", url, source=self.address, timeout=5, trust=self.trust
            )
            return found.status < 500
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
