"""The command ``ec2spawner demo``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from traitlets import TraitError, validate

from . import needs
from .check import run_check
from .demo import DemoError, DemoOptions
from .faults import Breakage
from .interactive import run_demo
from .kinds import KINDS
from .options import DemoCommand

_INTERRUPTED = 130


class DemoApp(DemoCommand):
    """``ec2spawner demo``, which does what its options say."""

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
