"""What users read of budgets, on the form and on pages."""

import pytest

from ec2spawner.costs.budget import Budget, Scope, Use, shown
from ec2spawner.costs.budget_words import lasts, so_far
from ec2spawner.costs.spent import Spent


def use(spent, usd=60.0, scope=Scope.USER, unknown=()):
    return Use(Budget(scope, usd), Spent(spent, unknown=frozenset(unknown)))


def test_how_much_is_spent_and_left():
    told = "Your budget of 60.00 USD a month: 4.10 USD is spent, 55.90 USD is left."
    assert so_far(use(4.1)) == told
    assert so_far(use(70)).endswith("70.00 USD is spent, 0.000 USD is left.")


def test_what_has_no_price_is_not_taken_for_nothing():
    told = so_far(use(4.1, unknown={"t3.small"}))
    assert "at least 4.10 USD is spent, at most 55.90 USD is left" in told
    assert lasts([use(4.1)], None).startswith("It counts toward no budget")


@pytest.mark.parametrize(
    "spent, usd, told",
    [
        (4.1, 0.2, "about 279 hours"),
        (0, 0.01, "about 6,000 hours"),
        (59, 1.5, "about 40 minutes"),
        (59.99, 9.0, "less than 2 minutes"),
        (70, 1.0, "less than 2 minutes"),
    ],
)
def test_what_is_left_is_told_as_time(spent, usd, told):
    wanted = f"What is left of the budget pays for {told}."
    assert lasts([use(spent)], usd) == wanted


def test_of_several_budgets_the_first_to_be_used_up_says_for_how_long():
    others = use(0, 9999.0, Scope.GROUP), use(7, 10.0, Scope.HUB)
    assert "about 3 hours" in lasts([use(4.1), *others], 1.0)
    assert lasts([], 1.0) == ""


def test_the_hubs_budget_is_told_to_users_only_when_it_matters():
    far, near = use(10, 100.0, Scope.HUB), use(50, 100.0, Scope.HUB)
    assert shown([use(0), far, near]) == [use(0), near]
