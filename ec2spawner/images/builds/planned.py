"""What of a plan makes a builder and its image, as one process hands it to another."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .user_data import builder_user_data

if TYPE_CHECKING:
    from ..plan import Plan  # needs the extra [image], which who only reads this lacks


@dataclass(frozen=True)
class Planned:
    """All that EC2 is told of a plan. Texts only."""

    name: str
    key: str
    #: the AMI's
    image_name: str
    description: str
    #: of the image and its snapshots
    tags: Mapping[str, str]
    #: of the builder, in base64
    user_data: str
    #: see ``Plan.solved_at``
    solved_at: float = 0.0

    @property
    def user_data_bytes(self) -> bytes:
        return base64.b64decode(self.user_data)


def as_planned(plan: Plan) -> Planned:
    """
    :raises ImageError: when it is more than a builder can be told
    """
    return Planned(
        plan.name,
        plan.contents.key,
        plan.contents.image_name,
        plan.description,
        plan.tags,
        base64.b64encode(builder_user_data(plan.for_builder)).decode(),
        plan.solved_at,
    )
