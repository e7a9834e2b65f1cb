"""The command ``ec2spawner demo``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from traitlets import Bool, CaselessStrEnum, Int, List, TraitError, Unicode, validate

from ..cli import Command
from . import needs
from .check import run_check
from .demo import DemoError, DemoOptions
from .faults import Breakage
from .interactive import run_demo
from .kinds import KINDS

_INTERRUPTED = 130


class DemoApp(Command):
    """Run a whole hub on this computer, with a stand-in for EC2.

    It needs no AWS account, and leaves nothing behind.
    """

    name = "ec2spawner demo"
    description = __doc__ or ""
    examples = """
ec2spawner demo
ec2spawner demo --port 8000 --idle-timeout 120
ec2spawner demo --check
sudo ec2spawner demo --machines=nspawn
ec2spawner demo --break RunInstances=InsufficientInstanceCapacity
ec2spawner demo --break RunInstances@us-west-2a=InsufficientInstanceCapacity
"""

    port = Int(
        0, min=0, max=65535, help="The port to open in the browser. Default: a free one"
    ).tag(config=True)
    idle_timeout = Int(
        900,
        min=0,
        help="Seconds after which an idle server is stopped; 0 for never",
    ).tag(config=True)
    machines = CaselessStrEnum(
        list(KINDS),
        "process",
        help="""What machines are: a group of processes (process), a Debian that boots
        in a container (nspawn), or a whole computer (qemu), which is slow. The last
        two need root and some Debian packages, and make a root file system first""",
    ).tag(config=True)
    outside = Bool(
        False,
        help="Let machines reach the package registries that this computer's pip and "
        "apt use, so that images can be built. With --machines=nspawn",
    ).tag(config=True)
    check = Bool(False, help="Do a user's whole round without a person, then end").tag(
        config=True
    )
    verbose = Bool(False, help="Show the Hub's log, too").tag(config=True)
    keep_log = Unicode(
        help="The file that the Hub's log is written to. Default: it is not kept"
    ).tag(config=True)
    broken = List(
        Unicode(),
        help="""ACTION=CODE: let every such call of EC2 fail, to see what users then
        see, for example RunInstances=InsufficientInstanceCapacity. With ACTION@ZONE
        only launches into that zone fail. It can be given several times.""",
    ).tag(config=True)

    aliases = {
        "port": "DemoApp.port",
        "idle-timeout": "DemoApp.idle_timeout",
        "machines": "DemoApp.machines",
        "keep-log": "DemoApp.keep_log",
        "break": "DemoApp.broken",
    }
    flags = {
        "check": ({"DemoApp": {"check": True}}, check.help),
        "outside": ({"DemoApp": {"outside": True}}, outside.help),
        "verbose": ({"DemoApp": {"verbose": True}}, verbose.help),
    }

    @validate("broken")
    def _check_broken(self, proposal: Any) -> Any:
        for each in proposal["value"]:
            try:
                Breakage.read(each)
            except ValueError as e:
                raise TraitError(str(e)) from e
        return proposal["value"]

    def start(self) -> None:
        if self.extra_args:
            self.fail(f"what is {self.extra_args[0]!r}? See {self.name} --help", 2)
        kind = KINDS[self.machines]
        if self.outside and self.machines != "nspawn":
            self.fail("--outside needs --machines=nspawn", 2)
        if why := needs.why_not() or kind.why_not():
            self.fail(why)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Also where a shell has them ignored, as for a job in the background.
            if (
                number is not signal.SIGHUP
                or signal.getsignal(number) is signal.SIG_DFL
            ):
                signal.signal(number, _interrupt)
        log = Path(self.keep_log).absolute() if self.keep_log else None
        options = DemoOptions(self.port, self.idle_timeout, log, kind, self.outside)
        breakages = [Breakage.read(each) for each in self.broken]
        try:
            if self.check:
                status = run_check(options, breakages, _say)
            else:
                status = run_demo(options, breakages, _say, self.verbose)
        except KeyboardInterrupt:
            status = _INTERRUPTED
        except BrokenPipeError:
            # Nobody reads on. Everything has been taken down on the way here.
            sys.stderr.close()
            status = _INTERRUPTED
        except (DemoError, OSError) as e:
            self.fail(str(e))
        self.exit(status)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)
