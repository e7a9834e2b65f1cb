"""Settings of budgets: what may be spent, and what follows when it is."""

from __future__ import annotations

from traitlets import Dict, Enum, Float, HasTraits, Unicode


class BudgetSettings(HasTraits):
    """Settings of what may be spent. They count for the whole hub."""

    budgets = Dict(
        key_trait=Unicode(),
        config=True,
        help="""
        What users, groups and the hub may spend, in US dollars a month or in all.

        Keys are ``hub``, ``user`` and ``group`` for each of them, or ``user:NAME`` and
        ``group:NAME``, which count in place of the one for each. Values are US dollars
        a month, or ``{"usd": 5000, "per": "all"}``, or a list of these. For example::

            c.EC2Spawner.budgets = {
                "user": 60,
                "group:hydro": [500, {"usd": 5000, "per": "all"}],
                "hub": 2000,
            }

        At 50, 75, 90 and 100 % users and the Hub's log are told. At 100 % no server
        starts, and those that run are stopped after :attr:`budget_grace`: their
        machines are stopped, not terminated, whatever :attr:`on_stop` says, and homes
        are kept. Spot machines cannot be stopped, so theirs end. What counts is in the
        ledger: homes and disks of stopped machines, too.

        .. versionadded:: 0.1
        """,
    )

    budget_grace = Float(
        900.0,
        min=0,
        config=True,
        help="""
        Seconds for which servers may go on once a budget is used up.

        Users are warned meanwhile, at the top of the Hub's pages.

        .. versionadded:: 0.1
        """,
    )

    budget_unknown = Enum(
        ["tell", "refuse"],
        default_value="tell",
        config=True,
        help="""
        What becomes of a start within a budget when nobody knows its price.

        By ``tell`` it starts: users and the log are told that it counts as nothing.
        By ``refuse`` it does not. A server that runs is never stopped for it.

        .. versionadded:: 0.1
        """,
    )
