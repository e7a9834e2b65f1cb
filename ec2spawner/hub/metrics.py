"""Metrics that are read when somebody asks: machines of all fleets, and the ledger."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator

from jupyterhub.metrics import metrics_prefix
from prometheus_client.core import REGISTRY, CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from ..costs.budget import Use
from ..costs.spent import NOTHING, Spent
from ..ec2.machines import Machine
from ..fleet.runtime import HubRuntime

_NAME = f"{metrics_prefix}_ec2_instances"
_READY = f"{metrics_prefix}_ec2_ready_machines"
_SPEND = f"{metrics_prefix}_ec2_spend_dollars"
_REMAINING = f"{metrics_prefix}_ec2_budget_remaining_dollars"
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


def count_ready(count: int) -> GaugeMetricFamily:
    """How many machines are ready, and nobody's yet."""
    text = "Machines that are ready for a start, and nobody's yet"
    return GaugeMetricFamily(_READY, text, value=count)


def count_dollars(spent: Spent) -> CounterMetricFamily:
    """What was spent, as far as prices are known."""
    family = CounterMetricFamily(
        _SPEND,
        "US dollars spent by this hub, as far as prices are known",
        labels=["kind"],
    )
    family.add_metric(["machines"], spent.machines)
    family.add_metric(["storage"], spent.storage)
    return family


def count_budgets(uses: Iterable[Use]) -> GaugeMetricFamily:
    """What is left of each budget that is not one user's; below 0 for what is more."""
    family = GaugeMetricFamily(
        _REMAINING,
        "US dollars left of the budgets of the hub and of groups",
        labels=["scope", "group", "per"],
    )
    for use in uses:
        budget = use.budget
        per = "month" if budget.monthly else "all"
        family.add_metric([budget.scope.value, budget.name, per], use.left)
    return family


class OfTheHub(Collector):
    """All machines of this process's fleets, and what they have cost."""

    def __init__(self, runtime: HubRuntime) -> None:
        self._runtime = runtime

    def describe(self) -> list[Metric]:
        """Of prometheus_client: the names, without asking for values."""
        ready = count_ready(0)
        return [count_machines(()), ready, count_dollars(NOTHING), count_budgets(())]

    def collect(self) -> Iterator[Metric]:
        """Of prometheus_client: called for each request of ``/hub/metrics``."""
        listings = [fleet.inventory.listing for fleet in self._runtime.fleets]
        known = [each for each in listings if each is not None]
        yield count_machines(m for each in known for m in each.machines.values())
        yield count_ready(sum(m.listens for m in self._runtime.ready.members))
        yield count_dollars(self._runtime.ledger.of_hub(time.time()))
        yield count_budgets(self._runtime.budgeting.shared())


def show_hub(runtime: HubRuntime, registry: CollectorRegistry = REGISTRY) -> None:
    """Let ``/hub/metrics`` have this, once."""
    if _NAME not in getattr(registry, "_names_to_collectors", {}):
        registry.register(OfTheHub(runtime))
