"""Settings of prices: what the hub pays, and where it may ask."""

from __future__ import annotations

from traitlets import Dict, Enum, Float, HasTraits, Unicode


class PriceSettings(HasTraits):
    """Settings that say what things cost. They count for the whole hub."""

    prices = Dict(
        key_trait=Unicode(),
        value_trait=Float(),
        config=True,
        help="""
        What things cost you, in US dollars, where it is not what AWS's price list says.

        For negotiated rates, and for hubs that cannot ask AWS. Keys are instance types
        (per hour), ``<type>:spot`` (per hour), ``ebs:gp3`` and ``ebs:snapshot`` (per
        GiB and month) and ``public-ipv4`` (per hour). A region may come before:
        ``us-west-2:m7i.xlarge``. For example::

            c.EC2Spawner.prices = {"m7i.xlarge": 0.1512, "ebs:gp3": 0.08}

        .. versionadded:: 0.1
        """,
    )

    prices_region = Enum(
        ["", "us-east-1", "eu-central-1", "ap-south-1"],
        default_value="us-east-1",
        config=True,
        help="""
        Where to ask AWS for prices; empty for not asking.

        Only these regions have AWS's price list, whose prices are for all regions.
        The Hub asks once a day, in the background, for the instance types and regions
        that are configured, and keeps the answers in :attr:`prices_file`. Its role
        needs ``pricing:GetProducts`` and ``ec2:DescribeSpotPriceHistory``. Where the
        Hub cannot reach it, as in a VPC without internet, one line in the log says so,
        and prices are unknown unless :attr:`prices` tells them.

        .. versionadded:: 0.1
        """,
    )

    prices_file = Unicode(
        "ec2spawner-prices.json",
        config=True,
        help="""
        The file with the prices that AWS told last, in the Hub's folder.

        .. versionadded:: 0.1
        """,
    )

    ledger_url = Unicode(
        config=True,
        help="""
        The database that has the ledger, as SQLAlchemy's URL; empty for the Hub's own.

        The ledger lists what every machine and every disk of this Hub has cost:
        ``ec2spawner cost`` reads it, and :attr:`budgets` go by it. It is two tables,
        ``ec2spawner_runs`` and ``ec2spawner_ledger``, which the Hub makes. Several Hubs
        may share one database. For example
        ``postgresql+psycopg://hub@db.example.org/ledger``.

        .. versionadded:: 0.1
        """,
    )
