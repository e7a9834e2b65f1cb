"""From a plan and a hub's settings to the order for one image, or its test. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from ...core.tags import STATUS_TAG, TESTING
from ...ec2.facts import Image
from ...ec2.images import ShelvedImage
from ...settings import LaunchSettings
from .follow import Order
from .planned import Planned
from .request import builder_request, builder_tags
from .trial import DEADLINE, STEPS, trial_key
from .user_data import TEST, builder_user_data


def order_of(
    planned: Planned,
    settings: LaunchSettings,
    hub_id: str,
    base: Image,
    instance_type: str,
    disk: int = 0,
    public_ip: bool = False,
    more_tags: Mapping[str, str] | None = None,
    to_be_tested: bool = False,
) -> Order:
    """What the driver needs: a request for each subnet, to be tried in turn.

    :param base: the image that it begins with
    :param disk: GiB, 0 for what is usual
    :param more_tags: of the builder
    :param to_be_tested: it is on offer only after the test of ``order_of_trial``
    """
    tags = builder_tags(settings, hub_id, planned.name, planned.key)
    return Order(
        hub_id,
        planned.key,
        planned.image_name,
        planned.description,
        {**planned.tags, **({STATUS_TAG: TESTING} if to_be_tested else {})},
        _requests(
            settings,
            base,
            instance_type,
            planned.user_data_bytes,
            {**tags, **(more_tags or {})},
            disk,
            public_ip,
        ),
    )


def order_of_trial(
    settings: LaunchSettings,
    hub_id: str,
    image: ShelvedImage,
    base: Image,
    instance_type: str = "",
    public_ip: bool = False,
) -> Order:
    """What who tries an image needs: a machine of it, as a server would get one.

    :param base: the same image
    :param instance_type: of the machine; empty for the hub's own first one
    """
    key = trial_key(image.id)
    plan = {
        "do": TEST,
        "key": key,
        "name": image.label,
        "deadline": DEADLINE,
        "path": list(settings.server_path),
        "hub": version("jupyterhub"),
    }
    tags = builder_tags(settings, hub_id, image.label, key)
    tags["Name"] = f"ec2spawner-test-{image.label}"
    requests = _requests(
        settings,
        base,
        instance_type or settings.types[0],
        builder_user_data(plan),
        tags,
        0,
        public_ip,
    )
    return Order(
        hub_id, key, image.name, requests=requests, deadline=DEADLINE, steps=STEPS
    )


def _requests(
    settings: LaunchSettings,
    base: Image,
    instance_type: str,
    user_data: bytes,
    tags: Mapping[str, str],
    disk: int,
    public_ip: bool,
) -> list[dict[str, Any]]:
    return [
        builder_request(
            settings, base, instance_type, user_data, tags, disk, subnet, public_ip
        )
        for subnet in settings.subnets or ("",)
    ]
