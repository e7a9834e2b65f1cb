"""The command ``ec2spawner iam-policy``."""

from __future__ import annotations

import re
import sys

from ...ec2.account.region import partition_of
from ..hub_config import Hub
from ..options import PolicyOptions
from .formats import FORMATS, explained
from .needs import Needs, needs_of, unknown
from .statements import document, statements


class PolicyApp(PolicyOptions):
    """``ec2spawner iam-policy``, which does what its options say."""

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
