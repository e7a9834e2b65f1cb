"""From a plan and a hub's settings to the order for one image, or its test. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from ...core.tags import (
    HUB_TAG,
    IMAGE_TAG,
    KEY_TAG,
    RAW,
    READY,
    SAVED_TAG,
    STATUS_TAG,
    TESTING,
    tag_value,
)
from ...ec2.facts import Image
from ...ec2.images import ShelvedImage
from ...ec2.machines import Machine
from ...settings import LaunchSettings
from ..key import image_name
from .follow import Order
from .planned import Planned
from .request import DEADLINE as BUILD_DEADLINE
from .request import builder_request, builder_tags
from .save import STEPS as SAVE_STEPS
from .save import WIPE_SECONDS, raw_name, saved_key
from .trial import DEADLINE, STEPS, trial_key
from .user_data import SAVE, TEST, builder_user_data


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


def order_of_raw(
    hub_id: str, machine: Machine, label: str, whose: str, now: float
) -> Order:
    """The copy of a machine's disk, which is never offered.

    :param label: what the image will be called
    :param whose: user, or user/server
    :param now: seconds since the epoch
    """
    tags = {
        "Name": f"ec2spawner-raw-{label}",
        HUB_TAG: hub_id,
        IMAGE_TAG: label,
        STATUS_TAG: RAW,
        SAVED_TAG: tag_value(whose),
    }
    return Order(
        hub_id,
        "",
        raw_name(label, machine.id, now),
        f"The disk of {machine.id} as it is: not to be used",
        tags,
        steps=SAVE_STEPS,
    )


def order_of_save(
    settings: LaunchSettings,
    raw: ShelvedImage,
    base: Image,
    tools: Mapping[str, Any],
    instance_type: str,
    public_ip: bool = False,
) -> Order:
    """What is made of such a copy.

    :param raw: the copy
    :param base: the same
    :param tools: of the plan: uv, indexes, scanner, homes, born
    """
    hub_id, key = raw.tags[HUB_TAG], saved_key(raw.id)
    deadline = BUILD_DEADLINE + WIPE_SECONDS * base.root_size
    description = f"{raw.label}, of a machine of {raw.tags[SAVED_TAG]}"
    tags = {
        "Name": f"ec2spawner-{raw.label}",
        HUB_TAG: hub_id,
        IMAGE_TAG: raw.label,
        KEY_TAG: key,
        STATUS_TAG: READY,
        SAVED_TAG: raw.tags[SAVED_TAG],
    }
    plan = {
        **tools,
        "do": SAVE,
        "deadline": deadline,
        "key": key,
        "name": raw.label,
        "path": list(settings.server_path),
        "hub": version("jupyterhub"),
        "disk": base.root_size,
        "lock": "",
        "record": {**tags, "description": description},
    }
    requests = _requests(
        settings,
        base,
        instance_type,
        builder_user_data(plan),
        builder_tags(settings, hub_id, raw.label, key),
        base.root_size,
        public_ip,
    )
    name = image_name(raw.label, key)
    return Order(
        *(hub_id, key, name, description, tags, requests, deadline), steps=SAVE_STEPS
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
