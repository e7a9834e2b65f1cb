"""Budgets of users, groups and the hub, of what was spent in two regions."""

from ec2spawner.costs.budget import Budgets, Scope
from ec2spawner.costs.ledger import Ledger
from ec2spawner.costs.price_list import PriceList
from ec2spawner.costs.runs import Key, Who, month_of
from ec2spawner.ec2.machines import Machine
from ec2spawner.fleet.budgeting import Budgeting

HOUR = 3600
BEGAN = 1_800_000_000
# By the region, too: a machine is dearer in the other.
PRICES = PriceList({}, {"r1:t3.small": 1.0, "r2:t3.small": 3.0})


class Clock:
    now = float(BEGAN)

    def __call__(self):
        return self.now


def spending(**budgets):
    """Alice spends 1 USD an hour in r1, and bob 3 in r2; both are of one group."""
    clock, ledger = Clock(), Ledger(lambda: PRICES)
    for name, region in (("alice", "r1"), ("bob", "r2")):
        id = f"i-{name}"
        machine = Machine(
            id, "running", instance_type="t3.small", launched_at=float(BEGAN)
        )
        ledger.see(region, [machine], BEGAN, complete=True)
        ledger.name(Key(id, BEGAN), Who(name, groups=("hydro",)))
    found = Budgeting(ledger, clock)
    found.budgets = Budgets({k.replace("_", ":"): v for k, v in budgets.items()})
    return found, clock


def spent(found, user, scope):
    uses = found.uses(user, ["hydro"])
    return [use.spent.usd for use in uses if use.budget.scope is scope]


def test_what_is_spent_in_two_regions_is_of_one_budget():
    found, clock = spending(user=10, group=10, hub=10)
    clock.now += HOUR
    for user, own in (("alice", 1.0), ("bob", 3.0), ("carol", 0.0)):
        assert spent(found, user, Scope.USER) == [own]
        assert spent(found, user, Scope.GROUP) == [4.0]
        assert spent(found, user, Scope.HUB) == [4.0]


def test_who_has_spent_nothing_is_refused_where_others_have_spent_all():
    found, clock = spending(user=100, group_hydro=7)
    clock.now += 2 * HOUR
    refused = found.decision("alice", ["hydro"]).refused_by
    assert refused is not None and refused.budget.scope is Scope.GROUP
    assert found.decision("alice", ["snow"]).refused_by is None


def test_of_shared_budgets_those_of_groups_and_the_hub_are_told():
    found, clock = spending(
        user=1, group=10, group_snow=5, hub={"usd": 9, "per": "all"}
    )
    clock.now += HOUR
    left = {(u.budget.name, u.budget.monthly): u.left for u in found.shared()}
    assert left == {("hydro", True): 6.0, ("snow", True): 5.0, ("", False): 5.0}


def test_with_another_month_a_monthly_budget_is_as_new():
    found, clock = spending(user=[10, {"usd": 10, "per": "all"}])
    ledger = found._ledger
    ended = Machine(
        "i-alice",
        "stopped",
        instance_type="t3.small",
        launched_at=float(BEGAN),
        ended_at=BEGAN + 2.0 * HOUR,
    )
    ledger.see("r1", [ended], BEGAN + 3 * HOUR)
    assert spent(found, "alice", Scope.USER) == [2.0, 2.0]
    clock.now += 40 * 24 * HOUR
    assert month_of(clock.now) != month_of(BEGAN)
    assert spent(found, "alice", Scope.USER) == [0.0, 2.0]
