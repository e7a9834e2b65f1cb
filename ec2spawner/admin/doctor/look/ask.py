"""Asks AWS, the database and this computer. What fails is in the answer."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ....core.errors import EC2SpawnError
from ....ec2.account.dry_runs import may
from ....ec2.account.identity import Identity, caller
from ....ec2.account.key_pairs import key_pairs_among
from ....ec2.account.keys import Key, describe_key
from ....ec2.account.plan import has_spot_role, is_on_free_plan
from ....ec2.account.quotas import CODES, Quota, quota, running_machines
from ....ec2.account.region import partition_of
from ....ec2.clients import Clients
from ....ec2.errors import EC2Error, admin_hint
from ....ec2.errors.kinds import CREDENTIALS, Kind
from ....ec2.errors.table import meaning_of
from ....ec2.facts import Image
from ....ec2.images import Images
from ....ec2.instance_types import type_facts, zones_with
from ....ec2.inventory.listing import list_machines
from ....ec2.network.acls import acls_of
from ....ec2.network.security_groups import (
    Interface,
    default_groups,
    groups_by_id,
    interfaces_with,
)
from ....ec2.network.subnets import has_dns, routes_of, subnets_by_id
from ....ec2.resources import list_resources
from ....ec2.snapshots import snapshots_among
from ....hub.checks.address import is_here
from ....hub.database.records import Records
from ....launch.plan import MARKETS
from ....launch.unavailable import quota_family
from ...database import DatabaseError, read_database
from ...hub_config import Hub
from .facts import Facts, Missing, RegionFacts, Trial, Unknown
from .trials import Wish, wishes
from .wants import Wants

T = TypeVar("T")

# Who has not answered by then is not waited for: AWS answers in less than one.
_PATIENCE_SECONDS = 20.0


class Blind(Exception):
    """AWS does not take the credentials: there is nothing to look at."""


async def ask(hub: Hub, wants: Wants) -> Facts:
    """Look at everything once, all regions at the same time.

    :raises Blind: when nobody can look
    """
    clients = [Clients(account) for account in hub.accounts]
    try:
        identity, (plan, role), found = await asyncio.gather(
            _identity(clients[0]),
            _account(clients[0], wants),
            asyncio.gather(*(_region(each, wants) for each in clients)),
        )
        method = clients[0].session.credentials_from
    finally:
        for each in clients:
            each.close()
    silent = [identity, *(facts.running for facts in found)]
    if all(isinstance(each, Unknown) and each.silent for each in silent):
        raise Blind(str(getattr(identity, "why", "")))
    return Facts(
        identity,
        {facts.name: facts for facts in found},
        _records(hub),
        is_here(wants.hub_address) if wants.hub_address else None,
        {name: value for name, value in os.environ.items() if "PROXY" in name.upper()},
        method,
        plan,
        role,
        now=time.time(),
    )


async def known(call: Awaitable[T]) -> T | Unknown:
    """The answer, or why there is none."""
    try:
        return await asyncio.wait_for(call, _PATIENCE_SECONDS)
    except asyncio.TimeoutError:
        return Unknown(f"No answer within {_PATIENCE_SECONDS:.0f} s", silent=True)
    except EC2Error as e:
        return Unknown(admin_hint(e), e.code, e.kind is Kind.AMBIGUOUS)


async def _identity(clients: Clients) -> Identity | Unknown:
    """
    :raises Blind: when AWS does not take the credentials
    """
    found = await known(caller(clients.reading))
    if isinstance(found, Unknown) and not found.silent:
        if meaning_of(found.code) is CREDENTIALS or "Credential" in found.code:
            raise Blind(found.why)
    return found


async def _account(
    clients: Clients, wants: Wants
) -> tuple[bool | Unknown | None, bool | Unknown | None]:
    """Whether it is on the free plan, and has AWS's role for spot; None: not asked."""
    lane, plan, role = clients.reading, None, None
    try:
        # Other partitions have no free plan.
        if partition_of(clients.account.region) == "aws":
            plan = await known(is_on_free_plan(lane))
    except ValueError:
        pass  # no region: its own row says so
    if wants.needs.spot:
        role = await known(has_spot_role(lane))
    return plan, role


async def _region(clients: Clients, wants: Wants) -> RegionFacts:
    facts = await _there(clients, wants)
    if isinstance(facts.running, Unknown) and facts.running.silent:
        return facts  # nor would anything else be answered
    facts = replace(facts, **await _around(clients, facts))
    tried = [_tried(clients, each) for each in wishes(wants, facts)]
    return replace(facts, trials=tuple(await asyncio.gather(*tried)))


async def _there(clients: Clients, wants: Wants) -> RegionFacts:
    """What the settings name."""
    lane, region = clients.reading, clients.account.region
    settings = [each.settings for each in wants.of(region)]
    subnets = _once(subnet for each in settings for subnet in each.subnets)
    groups = _once(group for each in settings for group in each.security_groups)
    keys = _once(each.key_name for each in settings if each.key_name)
    volumes = (volume for each in settings for volume in each.data_volumes)
    data = _once(str(volume["snapshot_id"]) for volume in volumes)
    types = _once(name for each in settings for name in each.types)
    calls: dict[str, Awaitable[Any]] = {
        "running": running_machines(lane),
        "machines": list_machines(lane, wants.hub_id),
        "resources": list_resources(lane, wants.hub_id),
    }
    if subnets:
        calls["subnets"] = subnets_by_id(lane, subnets)
    if not all(each.subnets for each in settings):
        calls["default_subnets"] = subnets_by_id(lane, [])
    if groups:
        calls["groups"] = groups_by_id(lane, groups)
    if data:
        calls["snapshots"] = snapshots_among(lane, data)
    if keys:
        calls["key_pairs"] = key_pairs_among(lane, keys)
    if types:
        calls["types"] = type_facts(lane, types)
        calls["zones"] = zones_with(lane, types)
    if wants.hub_address and not wants.is_local:
        # Nobody in a VPC has an address of a loopback.
        calls["hub"] = interfaces_with(lane, wants.hub_address)
    images, quotas, kms_keys, answers = await asyncio.gather(
        _images(clients, wants),
        _quotas(clients, wants),
        _keys(clients, wants),
        asyncio.gather(*map(known, calls.values())),
    )
    found: dict[str, Any] = dict(zip(calls, answers))
    if isinstance(found.get("hub"), list):
        found["hub"] = _hub_among(found["hub"], found)
    return RegionFacts(region, **found, images=images, quotas=quotas, keys=kms_keys)


def _hub_among(
    interfaces: Sequence[Interface], found: Mapping[str, Any]
) -> Interface | None:
    """The Hub's: in the VPC of machines if there is one."""
    parts = [found.get("subnets", {}), found.get("default_subnets", {})]
    vpcs = {s.vpc for p in parts if not isinstance(p, Unknown) for s in p.values()}
    near = [each for each in interfaces if each.vpc in vpcs]
    return next(iter([*near, *interfaces]), None)


def _once(found: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(found))


async def _images(clients: Clients, wants: Wants) -> Mapping[Any, Any]:
    images = Images(clients.reading, wants.hub_id)

    async def resolve(name: str, owners: Sequence[str]) -> Image | Missing | Unknown:
        try:
            return await images.resolve(name, owners)
        except EC2SpawnError as e:
            return Missing(str(e.log_message))
        except EC2Error as e:
            no = str(e.meaning.reason.value) == "image"
            return Missing(admin_hint(e)) if no else Unknown(admin_hint(e))

    keys = _once(v.image for v in wants.of(clients.account.region) if v.image[0])
    found = await asyncio.gather(*(resolve(*key) for key in keys))
    return dict(zip(keys, found))


async def _keys(
    clients: Clients, wants: Wants
) -> Mapping[str, Key | Missing | Unknown]:
    async def look(key: str) -> Key | Missing | Unknown:
        try:
            return await describe_key(clients.reading, key)
        except EC2Error as e:
            why = admin_hint(e)
            return Missing(why) if e.code == "NotFoundException" else Unknown(why)

    variants = [v.settings for v in wants.of(clients.account.region)]
    keys = _once(s.home_kms_key_id for s in variants if s.home != "none")
    keys = list(filter(None, keys))
    return dict(zip(keys, await asyncio.gather(*map(look, keys))))


async def _quotas(
    clients: Clients, wants: Wants
) -> Mapping[tuple[str, str], Quota | Unknown]:
    keys = _once(
        (market, quota_family(name))
        for variant in wants.of(clients.account.region)
        for market in MARKETS[variant.settings.market]
        for name in variant.settings.types
    )
    asked = [key for key in keys if key in CODES]
    lane = clients.reading
    found = await asyncio.gather(*(known(quota(lane, CODES[key])) for key in asked))
    return dict(zip(asked, found))


async def _around(clients: Clients, facts: RegionFacts) -> dict[str, Any]:
    """What belongs to what the settings name: VPCs, and the Hub's own groups."""
    lane = clients.reading
    parts = [facts.subnets, facts.default_subnets]
    vpcs = _once(
        subnet.vpc
        for each in parts
        if not isinstance(each, Unknown)
        for subnet in each.values()
    )
    found: dict[str, Any] = {}
    if vpcs:
        found["routes"] = await known(routes_of(lane, vpcs))
        found["acls"] = await known(acls_of(lane, vpcs))
        found["default_groups"] = await known(default_groups(lane, vpcs))
        dns = await asyncio.gather(*(known(has_dns(lane, vpc)) for vpc in vpcs))
        trouble = next((each for each in dns if isinstance(each, Unknown)), None)
        found["dns"] = trouble or dict(zip(vpcs, dns))
    hub = facts.hub
    if isinstance(hub, Interface) and not isinstance(facts.groups, Unknown):
        more = await known(groups_by_id(lane, hub.groups))
        found["groups"] = (
            more if isinstance(more, Unknown) else {**facts.groups, **more}
        )
    return found


async def _tried(clients: Clients, wish: Wish) -> Trial:
    launch = wish.action == "RunInstances"
    lane = clients.launching if launch else clients.reading
    trial = Trial(wish.what, wish.action, wish.should)
    refusal = await known(may(lane, wish.action, wish.request))
    if isinstance(refusal, Unknown):
        return replace(trial, unknown=refusal.why)
    return replace(trial, refusal=admin_hint(refusal) if refusal else "")


# This computer.


def _records(hub: Hub) -> Records | Unknown:
    try:
        return read_database(hub.db_url, hub.db_kwargs)
    except DatabaseError as e:
        return Unknown(str(e))
