"""The image of a start that wants a repository: what was chosen, checked and built."""

from __future__ import annotations

from collections.abc import Set

from ..core.errors import EC2SpawnError, Reason
from ..fleet.builds import BuildWish
from ..images.builds.request import UBUNTU
from ..launch.progress import Progress
from ..profiles.choose import ChoiceError
from ..profiles.repository import read_repository
from ..settings import LaunchSettings
from .context import ServerContext


def check_repository(settings: LaunchSettings, groups: Set[str]) -> None:
    """Whether the user may have what the settings say now, whoever has written it.

    :param groups: of the user
    :raises ChoiceError: when they may not
    """
    if not settings.repository:
        return
    try:
        read_repository(settings.repository, settings.build_sources)
    except ValueError as e:
        raise ChoiceError(
            f"{settings.repository[:200]!r} is no repository that this hub builds "
            "images from: choose other software, or ask your hub's admin."
        ) from e
    allowed = settings.build_allowed_groups
    if allowed and groups.isdisjoint(allowed):
        raise ChoiceError(
            f"Images from repositories are for the group {' or '.join(allowed)} only: "
            "choose other software, or ask your hub's admin."
        )


async def image_of_repository(context: ServerContext, progress: Progress) -> str:
    """The image of the repository that was chosen, found or built.

    :raises EC2SpawnError: when there is none, or not in time
    """
    settings = context.settings
    try:
        repository = read_repository(settings.repository, settings.build_sources)
    except ValueError as e:
        raise EC2SpawnError(
            "What this server is to have is no repository that this hub builds images "
            "from. Choose other software.",
            reason=Reason.OPTIONS,
        ) from e
    base = settings.image if not settings.image.startswith("repo:") else UBUNTU
    wish = BuildWish(
        context.fleet_in(settings.region),
        settings,
        repository,
        base,
        context.hub.user_name,
    )
    return await context.runtime.builds.image(wish, progress.build)
