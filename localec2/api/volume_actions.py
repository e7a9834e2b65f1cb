"""Actions on volumes that take their time here and none in moto."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..requests.request import ApiRequest
from ..world.volumes import VolumeLife
from . import volume_rules
from .instance_actions import done, xml


class World(Protocol):
    backend: Any
    volume_life: VolumeLife


def detach_volume(request: ApiRequest, world: World) -> bytes:
    volume = volume_rules.check_detach(request, world.backend)
    attachment = volume.attachment
    world.volume_life.detach(volume, request.flag("Force"))
    at = attachment.attach_time.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return xml(
        "DetachVolume",
        f"<volumeId>{volume.id}</volumeId>"
        f"<instanceId>{attachment.instance.id}</instanceId>"
        f"<device>{attachment.device}</device>"
        f"<status>{attachment.status}</status><attachTime>{at}</attachTime>",
    )


def delete_volume(request: ApiRequest, world: World) -> bytes:
    volume = volume_rules.check_delete(request, world.backend)
    world.volume_life.delete(volume)
    return done("DeleteVolume")


#: action -> its answer
ACTIONS: dict[str, Callable[[ApiRequest, Any], bytes | None]] = {
    "DetachVolume": detach_volume,
    "DeleteVolume": delete_volume,
}
