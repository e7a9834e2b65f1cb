"""The command ``ec2spawner doctor``."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from urllib.parse import urlsplit

from ...hub.checks.address import address_of
from ...hub.checks.variants import variants_of
from ...settings import LaunchSettings
from ...settings.network import machines_url
from ..hub_config import Hub, hub_url
from ..options import DoctorOptions
from ..policy.needs import needs_of, unknown
from ..table import show
from .launch.trial import launch
from .look.ask import Blind, ask
from .look.at_start import told
from .look.wants import Wants
from .page import as_json, as_text
from .rows.check import Check, Verdict
from .rows.every import judge

#: exit codes, for scripts
WELL, PROBLEMS, COULD_NOT_LOOK = 0, 1, 2


class DoctorApp(DoctorOptions):
    """``ec2spawner doctor``, which does what its options say."""

    def start(self) -> None:
        began = time.monotonic()
        hub = self.hub()
        # What the Hub's own parts log is in the page.
        logging.getLogger("ec2spawner").setLevel(logging.CRITICAL)
        try:
            checks = examine(hub, self.launch)
        except Blind as e:
            self.fail(f"AWS cannot be asked: {e}", COULD_NOT_LOOK)
        except KeyboardInterrupt:
            self.fail("interrupted", COULD_NOT_LOOK)
        if self.json:
            print(as_json(hub.hub_id, checks))
        else:
            show(as_text(checks, time.monotonic() - began))
        found = any(check.verdict is Verdict.PROBLEM for check in checks)
        self.exit(PROBLEMS if found else WELL)


def examine(hub: Hub, launching: bool = False) -> list[Check]:
    """What all rows find, and a launch if there is no problem.

    :raises Blind: when AWS cannot be asked for anything
    """
    wants = wants_of(hub)
    problems, warnings = told(hub)
    facts = asyncio.run(ask(hub, wants))
    facts = replace(facts, problems=problems, warnings=warnings)
    checks = judge(wants, facts)
    if launching and not any(c.verdict is Verdict.PROBLEM for c in checks):
        checks += asyncio.run(launch(hub, wants, facts))
    return checks


def wants_of(hub: Hub) -> Wants:
    """What the configuration will ask of AWS."""
    settings: LaunchSettings = hub.settings
    servers, claim_port = hub_url(hub), settings.claim_port
    url = machines_url(servers, claim_port, hub.app.internal_ssl)
    return Wants(
        hub.hub_id,
        variants_of(settings),
        needs_of(settings, hub.hub_id, [account.region for account in hub.accounts]),
        url,
        address_of(urlsplit(url).hostname or ""),
        urlsplit(servers).port or (443 if servers.startswith("https") else 80),
        claim_port,
        int(getattr(settings, "port", 0)) or 8888,
        settings.max_machines,
        settings.endpoint_url,
        settings.hub_silence_limit,
        tuple(unknown(settings)),
    )
