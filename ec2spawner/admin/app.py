"""What the commands have in common: which hub, and how mistakes end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets import List, Unicode

from ..cli import Command

if TYPE_CHECKING:
    from .hub_config import Hub


class AdminApp(Command):
    """A command about one hub, whether it runs or not."""

    config_file = Unicode(
        help="The Hub's jupyterhub_config.py. Default: the one in the Hub's folder"
    ).tag(config=True)
    hub_folder = Unicode(
        help="The folder that the Hub runs in, where its cookie secret and its "
        "database are unless the configuration names others. Default: this folder"
    ).tag(config=True)
    hub_id = Unicode(
        help="The hub id, when the configuration does not tell it (any more)"
    ).tag(config=True)
    regions = List(
        Unicode(),
        help="One more region to look into, for hubs whose profiles are a callable. "
        "It can be given several times",
    ).tag(config=True)

    aliases: dict[Any, Any] = {
        ("f", "hub-config"): "AdminApp.config_file",
        "hub-folder": "AdminApp.hub_folder",
        "hub-id": "AdminApp.hub_id",
        "region": "AdminApp.regions",
    }

    def _is_known(self, option: str) -> bool:
        flat = [n for names in self.aliases for n in _names(names)]
        return option in flat or super()._is_known(option)

    def hub(self, words: int = 0) -> Hub:
        """The hub that the command is about; ends the process if there is none.

        :param words: how many the command takes beside options
        """
        from .hub_config import AdminError, read_hub  # late: see options.py

        if rest := self.extra_args[words:]:
            self.fail(f"what is {rest[0]!r}? See {self.name} --help", 2)
        folder = Path(self.hub_folder or ".").expanduser().absolute()
        given = self.config_file
        path = Path(given).expanduser().absolute() if given else None
        try:
            # The configuration is a program, and may open files beside it.
            os.chdir(folder)
            hub = read_hub(
                path or folder / "jupyterhub_config.py", self.hub_id, self.regions
            )
        except (AdminError, OSError) as e:
            self.fail(str(e), 2)
        if not hub.accounts:
            self.fail("the configuration names no region: give --region", 2)
        return hub


def _names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names
