"""The agent's orders from the command line, and how a run ends."""

from __future__ import annotations

import signal
import sys
from typing import Any, NoReturn

from .service import install, power_off
from .words import say
from .work import Agent


def main() -> None:
    if sys.argv[1:] == ["install"]:
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
