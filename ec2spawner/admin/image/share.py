"""The command ``ec2spawner image share``."""

from __future__ import annotations

import asyncio

from ...ec2.clients import Clients, Lane
from ...ec2.errors import EC2Error, admin_hint
from ...ec2.images import ShelvedImage, share_image, share_snapshot
from ...images.shelf import Version, why_not_shared
from ..hub_config import Hub
from ..sweep import Status
from .app import ShareOptions
from .look import look
from .one import is_account


class ShareApp(ShareOptions):
    """``ec2spawner image share``, which does what its options say."""

    def start(self) -> None:
        name = self.one_word("which image? Give its name")
        if not self.accounts:
            self.fail("with whom? Give an account with --account", 2)
        for account in self.accounts:
            if not is_account(account):
                self.fail(f"{account!r} is no AWS account: it has 12 digits", 2)
        hub = self.hub()
        shelf = asyncio.run(look(hub))
        newest = self.meant(shelf, name)[0]
        if not self.stop:
            self._refuse(newest)
        trouble = [*shelf.trouble, *asyncio.run(self._share(hub, newest))]
        self.complain(trouble)
        self.exit(int(Status.FAILED if trouble else Status.DONE))

    def _refuse(self, version: Version) -> None:
        """End the command if any of it must not be shared: all regions or none."""
        for copy in version.copies:
            if why := why_not_shared(copy.image):
                self.fail(f"{copy.image.id} in {copy.region} is not shared: {why}")

    async def _share(self, hub: Hub, version: Version) -> list[str]:
        """Do it; what was not possible."""
        trouble = []
        for copy in version.copies:
            clients = Clients(hub.in_region(copy.region))
            what = f"{copy.image.id} in {copy.region}"
            for account in self.accounts:
                try:
                    await _permit(clients.killing, copy.image, account, not self.stop)
                except EC2Error as e:
                    trouble.append(f"{what} with {account}: {admin_hint(e)}")
                else:
                    done = "No more shared" if self.stop else "Shared"
                    print(f"{done}: {what} with {account}", flush=True)
            clients.close()
        return trouble


async def _permit(lane: Lane, image: ShelvedImage, account: str, allowed: bool) -> None:
    """The snapshots first: whoever sees the image can copy it, too."""
    for snapshot in image.snapshots:
        await share_snapshot(lane, snapshot, account, allowed)
    await share_image(lane, image.id, account, allowed)
