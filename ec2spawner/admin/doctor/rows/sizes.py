"""Instance types: whether they are there, run the image, and how many there may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ....core.errors import EC2SpawnError
from ....ec2.account.quotas import Quota
from ....ec2.facts import Image, TypeFacts
from ....ec2.machines import Machine
from ....hub.checks.variants import Variant, names
from ....launch.hibernation import able_types
from ....launch.plan import MARKETS
from ....launch.unavailable import quota_family
from ..look.facts import Facts, RegionFacts, Unknown
from ..look.wants import Wants
from .check import Check, not_known, ok, problem, warning
from .network import places


def types(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Whether each server's types are in the region and run its image."""
    for region in facts.regions.values():
        if isinstance(region.types, Unknown):
            yield not_known("sizes", region.name, region.types)
            continue
        variants = wants.of(region.name)
        found = [
            check
            for variant in variants
            for check in _of_variant(region, variant, region.types)
        ]
        # Of many profiles with one size it is said once.
        once = list(dict.fromkeys(found))
        every = dict.fromkeys(t for v in variants for t in v.settings.types)
        yield from once or [ok("sizes", region.name, ", ".join(every))]


def _of_variant(
    region: RegionFacts, variant: Variant, known: Mapping[str, TypeFacts]
) -> Iterator[Check]:
    image = region.images.get(variant.image)
    architecture = image.architecture if isinstance(image, Image) else ""
    fitting, odd = [], []
    for name in variant.settings.types:
        here = known.get(name, TypeFacts()).architectures
        if not here:
            yield _not_here(region, name)
        elif architecture and architecture not in here:
            odd.append(_misfit(name, here, variant, architecture))
        else:
            fitting.append(name)
    # A launch leaves out those that do not fit, as long as one does.
    yield from () if fitting else odd
    for name in fitting:
        yield from _zones(region, variant, name)
    if isinstance(image, Image) and fitting:
        yield from _hibernation(variant, fitting, image, known)


def _not_here(region: RegionFacts, name: str) -> Check:
    return problem(
        "sizes",
        name,
        f"{region.name} has no instance type {name}.",
        "EC2 refuses to launch it. Is it a slip of the pen?",
        f"aws ec2 describe-instance-types --region {region.name} "
        "--query 'InstanceTypes[].InstanceType'",
    )


def _misfit(
    name: str, here: frozenset[str], variant: Variant, architecture: str
) -> Check:
    return problem(
        "sizes",
        name,
        f"{name} has {'/'.join(sorted(here))} processors, and the image is for "
        f"{architecture}.",
        f"{name} cannot boot it, for {names([variant])}.",
        f"c.EC2Spawner.instance_type = a type with {architecture} processors",
    )


def _zones(region: RegionFacts, variant: Variant, name: str) -> Iterator[Check]:
    if isinstance(region.zones, Unknown) or name not in region.zones:
        return
    offered = region.zones[name]
    wanted = {subnet.zone for subnet in places(region, variant)}
    if wanted and not wanted & offered:
        yield problem(
            "sizes",
            name,
            f"{name} is in no zone of the subnets: AWS has it in "
            f"{', '.join(sorted(offered)) or 'none'}.",
            f"It cannot be launched, for {names([variant])}.",
            "c.EC2Spawner.subnets = a subnet in one of those zones",
        )


def _hibernation(
    variant: Variant, fitting: list[str], image: Image, known: Mapping[str, TypeFacts]
) -> Iterator[Check]:
    settings = variant.settings
    if settings.on_stop != "hibernate":
        return
    try:
        able = able_types(settings, fitting, image, known)
    except EC2SpawnError as e:
        why = f"No machine starts, for {names([variant])}."
        fix = "c.EC2Spawner.root_volume_size = the image's size and the memory"
        yield problem("sizes", "hibernation", f"{e.log_message}.", why, fix)
        return
    for name in (each for each in fitting if each not in able):
        yield warning(
            "sizes",
            name,
            f"{name} cannot hibernate.",
            f"It is stopped instead, without its memory, for {names([variant])}.",
            "c.EC2Spawner.on_stop = 'stop', or another type",
        )


def quotas(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Whether the account may run as many machines as the hub may have."""
    for region in facts.regions.values():
        for (market, family), quota in region.quotas.items():
            if isinstance(quota, Unknown):
                yield not_known("quota", f"{market} {family}", quota)
            elif isinstance(region.types, Unknown) or isinstance(
                region.running, Unknown
            ):
                continue
            else:
                yield _of_quota(wants, region, market, family, quota)


def _of_quota(
    wants: Wants, region: RegionFacts, market: str, family: str, quota: Quota
) -> Check:
    cpus = _cpus(wants, region, market, family)
    if not cpus:
        return ok("quota", f"{market} {family}", f"{quota.cpus:,.0f} vCPUs")
    used = _used(region, market, family)
    least, most = min(cpus), max(cpus)
    left = max(quota.cpus - used, 0)
    about = f"{quota.name} in {region.name}"
    fix = (
        f"aws service-quotas request-service-quota-increase --region {region.name} "
        f"--service-code ec2 --quota-code {quota.code} --desired-value "
        f"{max(most * (wants.max_machines or 10), most):.0f}"
    )
    if quota.cpus < most:
        return problem(
            "quota",
            about,
            f"The account may run {quota.cpus:,.0f} vCPUs, and one machine has {most}.",
            "EC2 refuses to launch it (VcpuLimitExceeded).",
            fix,
        )
    if left < least:
        return problem(
            "quota",
            about,
            f"All of the account's {quota.cpus:,.0f} vCPUs are in use ({used}).",
            "EC2 refuses launches until some machine ends (VcpuLimitExceeded).",
            fix,
        )
    fit, wanted = int(quota.cpus // most), wants.max_machines
    if wanted and fit < wanted:
        return warning(
            "quota",
            about,
            f"The account may run {fit} machines of {most} vCPUs, and max_machines is "
            f"{wanted}.",
            "From then on EC2 refuses launches (VcpuLimitExceeded).",
            f"{fix}; or c.EC2Spawner.max_machines = {fit}",
        )
    return ok(
        "quota", f"{market} {family}", f"{quota.cpus:,.0f} vCPUs, {left:,.0f} free"
    )


def _cpus(wants: Wants, region: RegionFacts, market: str, family: str) -> list[int]:
    """vCPUs of each type that counts against a quota, as far as they are known."""
    known = {} if isinstance(region.types, Unknown) else region.types
    names = {
        name
        for variant in wants.of(region.name)
        if market in MARKETS[variant.settings.market]
        for name in variant.settings.types
        if quota_family(name) == family
    }
    found = (known.get(name, TypeFacts()).cpus for name in names)
    return [cpus for cpus in found if cpus]


def _used(region: RegionFacts, market: str, family: str) -> int:
    running = () if isinstance(region.running, Unknown) else region.running
    known = {} if isinstance(region.types, Unknown) else region.types

    def counts(machine: Machine) -> bool:
        same = (machine.market == "spot") == (market == "spot")
        return same and quota_family(machine.instance_type) == family

    # Of a type that is not the hub's the least is counted.
    return sum(
        known.get(machine.instance_type, TypeFacts()).cpus or 1
        for machine in running
        if counts(machine)
    )
