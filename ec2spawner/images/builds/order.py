"""From a plan and a hub's settings to the order for one image. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ...ec2.facts import Image
from ...settings import LaunchSettings
from .driver import Order
from .planned import Planned
from .request import builder_request, builder_tags


def order_of(
    planned: Planned,
    settings: LaunchSettings,
    hub_id: str,
    base: Image,
    instance_type: str,
    disk: int = 0,
    public_ip: bool = False,
    more_tags: Mapping[str, str] | None = None,
) -> Order:
    """What the driver needs: a request for each subnet, to be tried in turn.

    :param base: the image that it begins with
    :param disk: GiB, 0 for what is usual
    :param more_tags: of the builder
    """
    tags = builder_tags(settings, hub_id, planned.name, planned.key)
    return Order(
        hub_id,
        planned.key,
        planned.image_name,
        planned.description,
        planned.tags,
        [
            builder_request(
                settings,
                base,
                instance_type,
                planned.user_data_bytes,
                {**tags, **(more_tags or {})},
                disk,
                subnet,
                public_ip,
            )
            for subnet in settings.subnets or ("",)
        ],
    )
