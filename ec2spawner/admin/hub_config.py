"""What a hub's configuration says, read without starting or changing anything."""

from __future__ import annotations

import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyterhub.app import JupyterHub
from traitlets import TraitError

from ..core.ids import hub_id_from_cookie_secret
from ..ec2.clients import Account
from ..hub.startup import regions as regions_of
from ..profiles.read import ProfileListError
from ..settings import LaunchSettings


class AdminError(Exception):
    """The command cannot do its work. The text says why, and what to do."""


@dataclass(frozen=True)
class Hub:
    """What must be known of a hub to find its machines."""

    hub_id: str
    accounts: tuple[Account, ...]
    db_url: str
    db_kwargs: Mapping[str, Any]
    config_file: Path
    #: seconds of a new lease
    lease: float
    #: tag keys whose value names the user, for the people who read it
    user_tags: tuple[str, ...] = ()
    settings: LaunchSettings = field(default_factory=LaunchSettings)
    #: JupyterHub with this configuration, not started
    app: Any = field(default=None, repr=False, compare=False)

    def in_region(self, region: str) -> Account:
        return Account(region, self.accounts[0].endpoint_url if self.accounts else "")


def hub_url(hub: Hub) -> str:
    """Where machines find the Hub's API. The application knows it from now on."""
    if getattr(hub.app, "hub", None) is None:
        hub.app.init_hub()
    given: str = getattr(hub.settings, "hub_connect_url", "") or ""
    return given or str(hub.app.hub.api_url)


def read_hub(path: Path, hub_id: str = "", regions: Sequence[str] = ()) -> Hub:
    """Read ``jupyterhub_config.py`` as the Hub would, in the folder it runs in.

    :param hub_id: instead of the one in the configuration
    :param regions: in addition to those in the configuration
    :raises AdminError: for a configuration that cannot be read, or is not ours
    """
    if not path.is_file():
        raise AdminError(
            f"there is no configuration {path}. Give the Hub's with -f, and the "
            "folder that the Hub runs in with --hub-folder"
        )
    try:
        app = load_app(path)
        spawner = _spawner_of(app)
        found = [*regions_of(spawner), *regions]
    except AdminError:
        raise
    except (TraitError, ProfileListError) as e:
        raise AdminError(f"the configuration {path} cannot be used: {e}") from e
    except Exception as e:
        # It is a program, and may fail in any way.
        raise AdminError(
            f"the configuration {path} cannot be run: {type(e).__name__}: {e}"
        ) from e
    if not hub_id:
        given = spawner.trait_has_value("hub_id")
        hub_id = spawner.hub_id if given else _default_hub_id(app)
    return Hub(
        hub_id=hub_id,
        accounts=tuple(
            Account(region, spawner.endpoint_url) for region in dict.fromkeys(found)
        ),
        db_url=app.db_url,
        db_kwargs=dict(app.db_kwargs),
        config_file=path,
        lease=spawner.hub_silence_limit,
        user_tags=tuple(k for k, v in spawner.tags.items() if v == "{username}"),
        settings=spawner,
        app=app,
    )


def load_app(path: Path) -> JupyterHub:
    """A Hub with this configuration, which does nothing yet."""
    # Its default is all that is installed, which only JupyterHub's own --help shows.
    app = JupyterHub(classes=[JupyterHub])
    app.raise_config_file_errors = True
    app.load_config_file(path.name, path=str(path.parent))
    return app


def _spawner_of(app: JupyterHub) -> LaunchSettings:
    if not issubclass(app.spawner_class, LaunchSettings):
        raise AdminError(
            f"c.JupyterHub.spawner_class is {app.spawner_class.__name__}, which is "
            "not EC2Spawner: this hub has no machines"
        )
    spawner: LaunchSettings = app.spawner_class(
        config=app.config, internal_ssl=app.internal_ssl
    )
    return spawner


def _default_hub_id(app: JupyterHub) -> str:
    """From the cookie secret, which is only read.

    Not by ``JupyterHub.init_secrets``: where there is no secret, that makes a new
    one, and the next start of the Hub would own no machine any more.
    """
    if app.cookie_secret:
        return hub_id_from_cookie_secret(app.cookie_secret)
    if text := os.environ.get("JPY_COOKIE_SECRET"):
        return hub_id_from_cookie_secret(binascii.a2b_hex(text))
    path = Path(app.cookie_secret_file).expanduser().absolute()
    try:
        return hub_id_from_cookie_secret(_secret(path.read_text().strip()))
    except (OSError, ValueError) as e:
        raise AdminError(
            f"the hub's id comes from its cookie secret, and {path} cannot be read: "
            f"{e}. Run this as the Hub's user with --hub-folder, or set "
            "c.EC2Spawner.hub_id, or give --hub-id"
        ) from e


def _secret(text: str) -> bytes:
    try:
        return binascii.a2b_hex(text)
    except ValueError:
        # As hubs wrote it before JupyterHub 0.8.
        return binascii.a2b_base64(text)
