"""Refuses a Hub whose settings cannot work, when it starts and not at the first user."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any

from jupyterhub.app import JupyterHub

from .choice import settable_by_profiles
from .profiles import ProfileListError, read_profiles
from .settings.network import why_unreachable

if TYPE_CHECKING:
    from .spawner import EC2Spawner


class HubConfigError(ValueError):
    """The Hub's configuration cannot work. The text lists what to change."""


def problems(spawner: EC2Spawner, app: Any) -> Iterator[str]:
    """What is wrong with the settings of a Hub, a sentence each.

    :param spawner: an instance without a user, to read the settings from
    :param app: the JupyterHub application
    """
    if app.internal_ssl:
        yield (
            "c.JupyterHub.internal_ssl is on, which EC2Spawner does not support yet. "
            "Turn it off and keep Hub and machines in a private network."
        )
    hub_url = spawner.hub_connect_url or app.hub.api_url
    if why := why_unreachable(hub_url, spawner.endpoint_url):
        yield why
    if not spawner.region:
        yield "c.EC2Spawner.region is not set, for example to 'us-west-2'."
    try:
        profiles = (
            ()
            if callable(spawner.profile_list)
            else read_profiles(spawner.profile_list, settable_by_profiles(spawner))
        )
    except ProfileListError as e:
        yield f"c.EC2Spawner.{e}."
        return
    every_profile_has_one = profiles and all("image" in p.override for p in profiles)
    known = not callable(spawner.profile_list)
    if known and not spawner.image and not every_profile_has_one:
        yield (
            "c.EC2Spawner.image is not set: give the AMI to start machines from, "
            "for example 'ami-0123456789abcdef0'."
        )


def watch(spawner_class: type[EC2Spawner]) -> None:
    """Check the settings of the Hub that this process may become, when it starts.

    JupyterHub has no hook for a spawner class at its start, and it imports the
    classes of all entry points while the application is being made, so there is
    no instance to observe yet either. ``init_handlers`` runs once, after the
    Hub's URLs are final and before any server is looked at.
    """
    init_handlers = JupyterHub.init_handlers

    @wraps(init_handlers)
    def check_and_init_handlers(app: Any) -> None:
        if issubclass(app.spawner_class, spawner_class):
            spawner = app.spawner_class(config=app.config, hub=app.hub)
            if found := list(problems(spawner, app)):
                raise HubConfigError(
                    "ec2spawner cannot work with this configuration:\n  - "
                    + "\n  - ".join(found)
                )
        init_handlers(app)

    JupyterHub.init_handlers = check_and_init_handlers
