"""Every name inside moto that this package replaces, in one list.

moto is pinned to one exact version because of it. `missing_names` is the contract:
a test fails loudly when one of these moved.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from ..requests.names import names_once

#: moto version that these patches were written against
MOTO_VERSION = "5.2.5"

#: dotted name -> the parameters it must have (None: not a function)
PATCHED: dict[str, tuple[str, ...] | None] = {
    "moto.core.serialize:XFormedAttributePicker.get_possible_keys": ("self", "context"),
    "moto.ec2.models.instances:Instance": None,
    "moto.ec2.models.instances:InstanceBackend.run_instances": (
        "self",
        "image_id",
        "count",
        "user_data",
        "security_group_names",
        "kwargs",
    ),
    "moto.ec2.models.instances:InstanceBackend.all_reservations": ("self", "filters"),
    "moto.ec2.models.core:TaggedEC2Resource.get_tags": ("self",),
    "moto.ec2.models.subnets:Subnet.get_available_subnet_ip": ("self", "instance"),
    "moto.ec2.models.subnets:Subnet.request_ip": ("self", "ip", "instance"),
    "moto.ec2.models.subnets:Subnet.del_subnet_ip": ("self", "ip"),
    "moto.ec2.responses.instances:InstanceResponse.describe_instances": ("self",),
    "moto.ec2.responses.instances:InstanceResponse.describe_instance_status": ("self",),
    "moto.ec2.models.amis:Ami": None,
    "moto.ec2.models.elastic_block_store:Volume": None,
    "moto.ec2.models.elastic_block_store:VolumeModification": None,
    "moto.ec2.models.elastic_block_store:Snapshot": None,
    "moto.ec2.models.elastic_block_store:EBSBackend.delete_volume": (
        "self",
        "volume_id",
    ),
    "moto.ec2.models.elastic_block_store:EBSBackend.create_snapshot": (
        "self",
        "volume_id",
        "description",
        "owner_id",
        "from_ami",
    ),
    "moto.ec2.models.elastic_block_store:EBSBackend.copy_snapshot": (
        "self",
        "source_snapshot_id",
        "source_region",
        "description",
        "kms_key_id",
    ),
    "moto.ec2.models.elastic_block_store:EBSBackend.delete_snapshot": (
        "self",
        "snapshot_id",
    ),
    "moto.ec2.models.elastic_block_store:EBSBackend.describe_volumes": (
        "self",
        "volume_ids",
        "filters",
    ),
    "moto.ec2.models.elastic_block_store:EBSBackend.describe_snapshots": (
        "self",
        "snapshot_ids",
        "filters",
    ),
    "moto.ec2.models.tags:TagBackend.describe_tags": ("self", "filters"),
    "moto.ec2.utils:filter_dict_attribute_mapping": None,
}

#: filters of DescribeInstances that moto lacks -> attribute of the instance
MORE_FILTERS = {
    "client-token": "client_token",
    "hypervisor": "hypervisor",
    "instance-lifecycle": "lifecycle",
    "instance-state-code": "state_code_text",
    "launch-index": "launch_index_text",
    "metadata-options.http-tokens": "metadata_options.http_tokens",
    "network-interface.network-interface-id": "nic_ids",
    "network-interface.subnet-id": "subnet_id",
    "reason": "state_transition_reason",
    "reservation-id": "reservation_id",
    "root-device-name": "root_device_name",
    "root-device-type": "root_device_type",
    "state-reason-code": "state_reason_code",
    "block-device-mapping.volume-id": "volume_ids",
    "instance-status.status": "instance_check",
    "system-status.status": "system_check",
    "tenancy": "placement.tenancy",
    "virtualization-type": "virtualization_type",
}


def resolve(name: str) -> Any:
    module, _, path = name.partition(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def missing_names() -> list[str]:
    """Patched names that moto has no more, or has with other parameters."""
    problems = []
    for name, parameters in PATCHED.items():
        try:
            found = resolve(name)
        except (ImportError, AttributeError):
            problems.append(f"{name} is gone")
            continue
        if parameters is not None:
            found = getattr(found, "original", found)
            actual = tuple(inspect.signature(found).parameters)
            if actual != parameters:
                problems.append(f"{name} has parameters {actual}, not {parameters}")
    return problems


class VolumesSeen(Protocol):
    """Who wants to know what becomes of volumes and snapshots."""

    def copied(self, source: str, snapshot: Any) -> None:
        """A snapshot was made, of a volume or of another snapshot."""

    def removed(self, some_id: str) -> None:
        """A volume or a snapshot was deleted."""


class View(threading.local):
    """Whether this thread looks at the world as a client of the API does."""

    client = False


view = View()


def install(
    instance_class: type,
    hidden: Callable[[Any], bool],
    ran: Callable[[Any, Any], None],
    pool_of: Callable[[Any], Any],
    newest_first: Callable[[], bool],
    describe_instances: Callable[[Any], Any],
    describe_instance_status: Callable[[Any], Any],
) -> None:
    """Replace the names. Again with a new cloud in the same process is fine.

    ``hidden``: whether a client cannot see an instance yet. ``ran``: called with
    (reservation, tags) after RunInstances has made everything, before anybody can
    see it. ``pool_of``: a subnet's addresses, None for a subnet of no interest.
    """
    import moto.core.serialize as serialize
    import moto.ec2.models.core as core
    import moto.ec2.models.instances as instances
    import moto.ec2.models.subnets as subnets
    import moto.ec2.responses.instances as responses
    import moto.ec2.utils as utils

    _replace(serialize.XFormedAttributePicker, "get_possible_keys", names_once)
    utils.filter_dict_attribute_mapping.update(MORE_FILTERS)
    instances.Instance = instance_class

    def get_tags(self: Any) -> list[dict[str, str]]:
        # moto's looks through all tags of all resources, for every instance.
        tags = self.ec2_backend.tags.get(self.id) or {}
        kind = utils.EC2_PREFIX_TO_RESOURCE.get(utils.get_prefix(self.id), "")
        return [
            {"resource_id": self.id, "key": k, "value": v, "resource_type": kind}
            for k, v in list(tags.items())
        ]

    _replace(core.TaggedEC2Resource, "get_tags", lambda original: get_tags)

    def around_run(original: Callable[..., Any]) -> Callable[..., Any]:
        def run_instances(
            self: Any,
            image_id: str,
            count: int,
            user_data: Any,
            security_group_names: list[str],
            **kwargs: Any,
        ) -> Any:
            before = set(self.reservations)
            nics_before = set(self.enis)
            tags = kwargs.get("tags") or {}
            try:
                made = original(
                    self, image_id, count, user_data, security_group_names, **kwargs
                )
                for instance in made.instances:
                    for nic in instance.nics.values():
                        if nic.id not in nics_before:
                            nic.delete_on_termination = True
                ran(made, tags)
            except BaseException:
                _undo(self, before)
                raise
            return made

        return run_instances

    _replace(instances.InstanceBackend, "run_instances", around_run)

    def around_all(original: Callable[..., Any]) -> Callable[..., Any]:
        def all_reservations(self: Any, filters: Any = None) -> Any:
            found = original(self, filters)
            if not view.client:
                return found
            for reservation in found:
                reservation.instances = [
                    i for i in reservation.instances if not hidden(i)
                ]
            return [r for r in found if r.instances]

        return all_reservations

    _replace(instances.InstanceBackend, "all_reservations", around_all)

    def around_take(original: Callable[..., Any]) -> Callable[..., Any]:
        def get_available_subnet_ip(self: Any, instance: Any) -> Any:
            pool = pool_of(self)
            if pool is None:
                return original(self, instance)
            address = pool.take(newest_first())
            self._subnet_ips[address] = instance
            return address

        return get_available_subnet_ip

    def around_request(original: Callable[..., Any]) -> Callable[..., Any]:
        def request_ip(self: Any, ip: str, instance: Any) -> None:
            pool = pool_of(self)
            if pool is not None:
                pool.take_this(ip)
            original(self, ip, instance)

        return request_ip

    def around_free(original: Callable[..., Any]) -> Callable[..., Any]:
        def del_subnet_ip(self: Any, ip: str) -> None:
            pool = pool_of(self)
            if pool is not None:
                pool.free(ip)
            original(self, ip)

        return del_subnet_ip

    _replace(subnets.Subnet, "get_available_subnet_ip", around_take)
    _replace(subnets.Subnet, "request_ip", around_request)
    _replace(subnets.Subnet, "del_subnet_ip", around_free)
    _replace(
        responses.InstanceResponse,
        "describe_instances",
        lambda original: describe_instances,
    )
    _replace(
        responses.InstanceResponse,
        "describe_instance_status",
        lambda original: describe_instance_status,
    )


def install_volumes(
    volume_class: type, change_class: type, snapshot_class: type, life: VolumesSeen
) -> None:
    """The same for volumes and snapshots; ``life`` is told of each."""
    import moto.ec2.models.elastic_block_store as ebs

    ebs.Volume = volume_class
    ebs.VolumeModification = change_class
    ebs.Snapshot = snapshot_class

    def around_delete(original: Callable[..., Any]) -> Callable[..., Any]:
        def delete(self: Any, some_id: str) -> Any:
            gone = original(self, some_id)
            life.removed(gone.id)
            return gone

        return delete

    def around_create(original: Callable[..., Any]) -> Callable[..., Any]:
        def create_snapshot(
            self: Any, volume_id: str, description: str, *args: Any, **kwargs: Any
        ) -> Any:
            made = original(self, volume_id, description, *args, **kwargs)
            life.copied(volume_id, made)
            return made

        return create_snapshot

    def around_copy(original: Callable[..., Any]) -> Callable[..., Any]:
        def copy_snapshot(
            self: Any, source_snapshot_id: str, *args: Any, **kwargs: Any
        ) -> Any:
            made = original(self, source_snapshot_id, *args, **kwargs)
            life.copied(source_snapshot_id, made)
            return made

        return copy_snapshot

    _replace(ebs.EBSBackend, "delete_volume", around_delete)
    _replace(ebs.EBSBackend, "delete_snapshot", around_delete)
    _replace(ebs.EBSBackend, "create_snapshot", around_create)
    _replace(ebs.EBSBackend, "copy_snapshot", around_copy)


def install_images(image_class: type) -> None:
    import moto.ec2.models.amis as amis

    amis.Ami = image_class


def install_listings(
    seen: Callable[[str, list[Any], list[str] | None], list[Any]],
    tags_seen: Callable[[list[dict[str, str]]], list[dict[str, str]]],
) -> None:
    """Let ``seen`` say what listings of volumes and snapshots show.

    It is called with the method's name, what moto has found, and the ids asked for;
    ``tags_seen`` with the tags that moto has found.
    """
    import moto.ec2.models.elastic_block_store as ebs
    import moto.ec2.models.tags as tags

    def around_tags(original: Callable[..., Any]) -> Callable[..., Any]:
        def describe_tags(self: Any, filters: Any = None) -> list[dict[str, str]]:
            # moto keeps the tags of what is deleted, as rights on it still need them.
            gone = {id for id in self.tags if id.startswith(("vol-", "snap-"))}
            gone -= {*self.volumes, *self.snapshots}
            found = [t for t in original(self, filters) if t["resource_id"] not in gone]
            return tags_seen(found)

        return describe_tags

    _replace(tags.TagBackend, "describe_tags", around_tags)

    def around_volumes(original: Callable[..., Any]) -> Callable[..., Any]:
        def describe_volumes(
            self: Any, volume_ids: list[str] | None = None, filters: Any = None
        ) -> list[Any]:
            found = original(self, volume_ids, filters)
            return seen("describe_volumes", found, volume_ids)

        return describe_volumes

    def around_snapshots(original: Callable[..., Any]) -> Callable[..., Any]:
        def describe_snapshots(
            self: Any, snapshot_ids: list[str] | None = None, filters: Any = None
        ) -> list[Any]:
            found = original(self, snapshot_ids, filters)
            return seen("describe_snapshots", found, snapshot_ids)

        return describe_snapshots

    _replace(ebs.EBSBackend, "describe_volumes", around_volumes)
    _replace(ebs.EBSBackend, "describe_snapshots", around_snapshots)


def _replace(
    owner: type,
    name: str,
    wrap: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> None:
    present = getattr(owner, name)
    original = getattr(present, "original", present)
    replacement = wrap(original)
    replacement.original = original  # type: ignore[attr-defined]
    setattr(owner, name, replacement)


def _undo(backend: Any, before: set[str]) -> None:
    """Take back what a failed RunInstances has left (moto leaves it)."""
    for key in set(backend.reservations) - before:
        for instance in backend.reservations.pop(key).instances:
            instance.release()
            backend.tags.pop(instance.id, None)


def name_spot_role() -> None:
    """Give AWS's role for spot its own name: moto calls it AWSServiceRoleForspot.

    Imported here, as hardly anybody asks for roles (EC2 user guide, "Service-linked
    role for EC2 Spot").
    """
    from moto.iam import models

    models.SERVICE_NAME_CONVERSION["spot"] = "EC2Spot"
