"""The command ``ec2spawner doctor``."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from urllib.parse import urlsplit

from traitlets import Bool

from ...settings import LaunchSettings
from ..app import AdminApp
from ..hub_config import Hub, hub_url
from ..policy.needs import needs_of, unknown
from .launch.trial import launch
from .look.ask import Blind, address_of, ask
from .look.at_start import told
from .look.wants import Wants, variants_of
from .page import as_json, as_text
from .rows.check import Check, Verdict
from .rows.every import judge

#: exit codes, for scripts
WELL, PROBLEMS, COULD_NOT_LOOK = 0, 1, 2


class DoctorApp(AdminApp):
    """Look for what would keep a hub from working, before a user meets it.

    Credentials, clock, network, security groups, images, sizes, quotas, rights and the
    configuration: each with a sentence, why it matters, and what to do. It takes
    seconds, changes nothing, and needs no Hub that runs. Run it as the Hub's user on
    the Hub's computer: credentials and addresses are that computer's.
    """

    name = "ec2spawner doctor"
    description = __doc__ or ""
    examples = """
ec2spawner doctor
ec2spawner doctor -f /etc/jupyterhub/jupyterhub_config.py --hub-folder /srv/jupyterhub
ec2spawner doctor --json
ec2spawner doctor --launch
"""
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    launch = Bool(
        False,
        help="If there is no problem, launch one real machine, the smallest, wait "
        "until it has found the Hub's address, and end it. It costs a few cents",
    ).tag(config=True)
    flags = {
        "json": ({"DoctorApp": {"json": True}}, json.help),
        "launch": ({"DoctorApp": {"launch": True}}, launch.help),
    }

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
            print(as_text(checks, time.monotonic() - began))
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
    url = hub_url(hub)
    return Wants(
        hub.hub_id,
        variants_of(settings),
        needs_of(settings, hub.hub_id, [account.region for account in hub.accounts]),
        url,
        address_of(urlsplit(url).hostname or ""),
        urlsplit(url).port or (443 if url.startswith("https") else 80),
        int(getattr(settings, "port", 0)) or 8888,
        settings.max_machines,
        settings.endpoint_url,
        settings.hub_silence_limit,
        tuple(unknown(settings)),
    )
