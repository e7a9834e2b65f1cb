"""Whose each home is, where, and what will become of it. Pure: listing + records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...core.ids import owner_of
from ...core.tags import HOME_TAG, MOVE_TAG, MOVED_FROM_TAG, MOVED_TO_TAG
from ...ec2.resources import Resource, ResourceKind
from ...ec2.snapshots import Snapshot
from ...ec2.volumes import heir_named
from ...hub.database.records import HomeUse, Records
from ..collect import Survey
from ..explain import UNKNOWN, why
from ..hub_config import Hub

HEAD = ("HOME", "STATE", "OWNER", "SERVERS", "SIZE", "ZONE", "MACHINE", "WHY")


@dataclass(frozen=True)
class HomeRow:
    """A line of ``ec2spawner ls --homes``: a volume, or a snapshot that is kept.

    ``owner`` is None when nobody knows; ``owner_tag`` is what a tag claims then, and
    ``owner_hash`` what the owner's name becomes.
    """

    id: str
    kind: str
    region: str
    zone: str
    state: str
    size: int  # GiB
    owner: str | None
    owner_tag: str
    owner_hash: str
    #: of the owner, those that have it as their home; None without a database
    servers: tuple[str, ...] | None
    machine: str
    why: str

    def cells(self) -> list[str]:
        """As text, in the order of :data:`HEAD`."""
        owner = self.owner or (self.owner_tag or self.owner_hash) + UNKNOWN
        servers = ", ".join(name or "(default)" for name in self.servers or ())
        return [
            self.id,
            self.state,
            owner,
            servers or (UNKNOWN if self.servers is None else "-"),
            f"{self.size} GiB",
            self.zone or self.region,
            self.machine or "-",
            self.why,
        ]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def home_rows(hub: Hub, seen: Survey) -> list[HomeRow]:
    """A row for each home and each snapshot of one, by owner."""
    names = _names(hub, seen.records)
    found = [
        row
        for region in seen.regions
        for row in (
            *_volumes(hub, seen.records, names, region.name, region.resources),
            *_snapshots(hub, names, region.name, region.archives),
        )
    ]
    return sorted(found, key=lambda r: (r.owner or "", r.owner_hash, r.kind, r.id))


def _names(hub: Hub, records: Records | None) -> Mapping[str, HomeUse]:
    """A home's tag -> whom it belongs to: tags are hashes, and can be made again."""
    return {
        owner_of(hub.hub_id, user, server, kind): HomeUse(user, server, kind)
        for user, server in (records.servers if records else ())
        for kind in ("user", "server")
    }


def _volumes(
    hub: Hub,
    records: Records | None,
    names: Mapping[str, HomeUse],
    region: str,
    resources: tuple[Resource, ...],
) -> Iterator[HomeRow]:
    for resource in resources:
        if (
            resource.kind is not ResourceKind.VOLUME
            or not resource.home
            or resource.gone
        ):
            continue
        uses = records.homes.get(resource.id, ()) if records else ()
        tag = resource.tags.get(HOME_TAG, "")
        users = {use.user for use in uses} or {names[tag].user if tag in names else ""}
        yield HomeRow(
            resource.id,
            resource.kind.value,
            region,
            resource.zone,
            resource.state,
            resource.size,
            ", ".join(sorted(users)) or None,
            _claimed(hub, resource.tags),
            tag,
            tuple(sorted(use.server for use in uses)) if records else None,
            resource.used_by,
            _why(resource, records, bool(uses), tag in names, hub.lease),
        )


def _snapshots(
    hub: Hub,
    names: Mapping[str, HomeUse],
    region: str,
    archives: tuple[Snapshot, ...],
) -> Iterator[HomeRow]:
    for archive in archives:
        known = names.get(archive.owner)
        yield HomeRow(
            archive.id,
            ResourceKind.SNAPSHOT.value,
            region,
            "",
            archive.state,
            archive.size,
            known.user if known else None,
            _claimed(hub, archive.tags),
            archive.owner,
            (),
            "",
            (
                "discarded: deleted by the Hub's sweep"
                if archive.discarded
                else f"kept of {archive.archive_of}, until a person deletes it"
            ),
        )


def _claimed(hub: Hub, tags: Mapping[str, str]) -> str:
    """Whose it is, as the admin's tags say: it is written once, and people change."""
    return next(filter(None, map(tags.get, hub.user_tags)), "") or ""


def _why(
    resource: Resource, records: Records | None, used: bool, named: bool, lease: float
) -> str:
    if resource.kept or resource.discarded or resource.archived:
        return why(resource, records, lease)
    if moved := _move(resource.tags):
        return moved
    if records is None:
        return "unknown: the database cannot be read; it stays"
    if used:
        return "its owner's home"
    if named:
        return "its owner's home, by its tag: found at the next start"
    return "nobody's in the database: stays until a person deletes it"


def _move(tags: Mapping[str, str]) -> str:
    """What a move to another zone has made of a volume; empty for nothing."""
    move = tags.get(MOVE_TAG, "")
    if heir := heir_named(tags.get(MOVED_TO_TAG, ""), move):
        return f"has moved to {heir}: deleted once that has been mounted"
    if HOME_TAG not in tags and (origin := tags.get(MOVED_FROM_TAG, "").split()):
        return f"a copy of {origin[0]}, which has not taken its place yet"
    return "its owner's home, on its way to another zone" if move else ""
