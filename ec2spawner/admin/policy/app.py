"""The command ``ec2spawner iam-policy``."""

from __future__ import annotations

import re
import sys
from typing import Any

from traitlets import Bool, Enum, Unicode

from ...ec2.clients import partition_of
from ..app import AdminApp
from ..hub_config import Hub
from .formats import FORMATS, explained
from .needs import Needs, needs_of, unknown
from .statements import document, statements


class PolicyApp(AdminApp):
    """Write the IAM policy that a hub needs, made of its configuration.

    It allows what the configuration and all its profiles use, and nothing else. AWS is
    not asked. Make it again when the configuration has changed.
    """

    name = "ec2spawner iam-policy"
    description = __doc__ or ""
    examples = """
ec2spawner iam-policy --account 111122223333 > hub-policy.json
ec2spawner iam-policy --images --format terraform
ec2spawner iam-policy --explain
"""
    account = Unicode(
        "*",
        help="The AWS account, 12 digits. Default: whichever the policy is used in",
    ).tag(config=True)
    format = Enum(
        list(FORMATS), "json", help="json, terraform or cloudformation. Default: json"
    ).tag(config=True)
    explain = Bool(False, help="Say what each statement is for").tag(config=True)
    images = Bool(
        False,
        help="Allow `ec2spawner image`, too, when the configuration does not need it",
    ).tag(config=True)
    aliases: dict[Any, Any] = {
        **AdminApp.aliases,
        "account": "PolicyApp.account",
        "format": "PolicyApp.format",
    }
    flags = {
        "explain": ({"PolicyApp": {"explain": True}}, explain.help),
        "images": ({"PolicyApp": {"images": True}}, images.help),
    }

    def start(self) -> None:
        if not re.fullmatch(r"\d{12}|\*", self.account):
            self.fail(f"--account is {self.account!r}: write its 12 digits", 2)
        hub = self.hub()
        found = statements(self.needs(hub))
        for name in unknown(hub.settings):
            print(
                f"{self.name}: what {name} will be, only the start of a server tells: "
                "add what it may be, such as instance types, to the policy yourself",
                file=sys.stderr,
            )
        print(
            explained(found) if self.explain else FORMATS[self.format](document(found))
        )

    def needs(self, hub: Hub) -> Needs:
        """What the hub may ask of AWS."""
        regions = [account.region for account in hub.accounts]
        try:
            # Nobody has an account in two of them.
            partition = partition_of(regions[0])
        except ValueError as e:
            self.fail(f"{e}: set c.EC2Spawner.region, for example to 'us-west-2'", 2)
        return needs_of(
            hub.settings, hub.hub_id, regions, self.account, partition, self.images
        )
