from types import SimpleNamespace

from prometheus_client import CollectorRegistry, generate_latest

from ec2spawner.costs.budget import Budget, Scope, Use
from ec2spawner.costs.spent import Spent
from ec2spawner.ec2.machines import Machine
from ec2spawner.hub.metrics import show_hub


def runtime(*machines):
    listing = SimpleNamespace(machines={m.id: m for m in machines})
    known = SimpleNamespace(inventory=SimpleNamespace(listing=listing))
    unknown = SimpleNamespace(inventory=SimpleNamespace(listing=None))
    ledger = SimpleNamespace(of_hub=lambda now: Spent(1.5, 0.25))
    hydro = Budget(Scope.GROUP, 500.0, "hydro", monthly=False)
    uses = [Use(Budget(Scope.HUB, 1.0), Spent(1.75)), Use(hydro, Spent(100.0))]
    budgeting = SimpleNamespace(shared=lambda: uses)
    members = [SimpleNamespace(listens=True), SimpleNamespace(listens=False)]
    return SimpleNamespace(
        fleets=[known, unknown],
        ledger=ledger,
        budgeting=budgeting,
        ready=SimpleNamespace(members=members),
    )


def test_machines_are_counted_by_state_size_and_market_when_somebody_asks():
    registry = CollectorRegistry()
    machines = [
        Machine("i-1", "running", instance_type="t3.small"),
        Machine("i-2", "running", instance_type="t3.small"),
        Machine("i-3", "stopped", instance_type="t3.large"),
        Machine("i-4", "running", instance_type="t3.small", market="spot"),
        Machine("i-5", "terminated", instance_type="t3.small"),
    ]
    show_hub(runtime(*machines), registry)
    show_hub(runtime(), registry)  # a second Hub of the same process
    lines = generate_latest(registry).decode().splitlines()
    told = [line for line in lines if line.startswith("jupyterhub_ec2_instances")]
    name = "jupyterhub_ec2_instances"
    assert told == [
        f'{name}{{market="on-demand",size="t3.small",state="running"}} 2.0',
        f'{name}{{market="spot",size="t3.small",state="running"}} 1.0',
        f'{name}{{market="on-demand",size="t3.large",state="stopped"}} 1.0',
    ]


def test_machines_are_ready_that_would_have_their_orders_at_once():
    registry = CollectorRegistry()
    show_hub(runtime(), registry)
    assert registry.get_sample_value("jupyterhub_ec2_ready_machines") == 1


def test_what_the_ledger_has_is_told_in_dollars():
    registry = CollectorRegistry()
    show_hub(runtime(), registry)
    name = "jupyterhub_ec2_spend_dollars_total"
    assert registry.get_sample_value(name, {"kind": "machines"}) == 1.5
    assert registry.get_sample_value(name, {"kind": "storage"}) == 0.25


def test_what_is_left_of_budgets_is_told_also_below_nothing():
    registry = CollectorRegistry()
    show_hub(runtime(), registry)
    name = "jupyterhub_ec2_budget_remaining_dollars"
    hub = {"scope": "hub", "group": "", "per": "month"}
    assert registry.get_sample_value(name, hub) == -0.75
    hydro = {"scope": "group", "group": "hydro", "per": "all"}
    assert registry.get_sample_value(name, hydro) == 400.0
