"""The fleet's machines as metrics, read from the shared listing when somebody asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from jupyterhub.metrics import metrics_prefix
from prometheus_client.core import REGISTRY, GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from ..ec2.machines import Machine
from ..fleet.runtime import HubRuntime

_NAME = f"{metrics_prefix}_ec2_instances"
_LABELS = ("state", "size", "market")


def count_machines(machines: Iterable[Machine]) -> GaugeMetricFamily:
    """How many there are of each state, size and market; terminated ones are none."""
    found = Counter(
        (each.state, each.instance_type, each.market)
        for each in machines
        if each.state != "terminated"
    )
    family = GaugeMetricFamily(
        _NAME, "Machines of this hub, as EC2 lists them", labels=_LABELS
    )
    for labels, count in sorted(found.items()):
        family.add_metric(labels, count)
    return family


class Machines(Collector):
    """All machines of this process's fleets."""

    def __init__(self, runtime: HubRuntime) -> None:
        self._runtime = runtime

    def describe(self) -> list[GaugeMetricFamily]:
        """Of prometheus_client: the names, without asking for values."""
        return [count_machines(())]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Of prometheus_client: called for each request of ``/hub/metrics``."""
        listings = [fleet.inventory.listing for fleet in self._runtime.fleets]
        known = [each for each in listings if each is not None]
        yield count_machines(m for each in known for m in each.machines.values())


def show_machines(runtime: HubRuntime, registry: CollectorRegistry = REGISTRY) -> None:
    """Let ``/hub/metrics`` have them, once."""
    if _NAME not in getattr(registry, "_names_to_collectors", {}):
        registry.register(Machines(runtime))
