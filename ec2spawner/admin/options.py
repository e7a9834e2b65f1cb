"""What each command is for, and what it takes.

What does its work is imported when that is to be done (``work``): nobody who asks for
``--help`` waits for the Hub and boto3.
"""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Enum, Float, Unicode

from ..cli import Command
from .app import AdminApp


class CostOptions(AdminApp):
    """Say what a hub has cost: its machines, homes and disks, from its ledger.

    By user, by group, by profile or by day, of this month, another one, or in all. It
    asks EC2 for what goes on now, needs no right to read bills, and changes nothing. It
    works with the Hub running or down.
    """

    name = "ec2spawner cost"
    description = __doc__ or ""
    work = "ec2spawner.admin.cost.CostApp"
    examples = """
ec2spawner cost
ec2spawner cost --by group --month 2026-11
ec2spawner cost --by day --csv > november.csv
ec2spawner cost --month all --json
"""
    by = Enum(
        ("user", "group", "profile", "day"),
        "user",
        help="By what: user, group, profile or day",
    ).tag(config=True)
    month = Unicode(
        help="Which month, such as 2026-11, in UTC; all for all time. Default: this one"
    ).tag(config=True)
    csv = Bool(False, help="Print CSV, for spreadsheets").tag(config=True)
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    aliases = {
        **AdminApp.aliases,
        "by": "CostOptions.by",
        "month": "CostOptions.month",
    }
    flags = {
        "csv": ({"CostOptions": {"csv": True}}, csv.help),
        "json": ({"CostOptions": {"json": True}}, json.help),
    }


class DoctorOptions(AdminApp):
    """Look for what would keep a hub from working, before a user meets it.

    Credentials, clock, network, security groups, images, sizes, quotas, rights and the
    configuration: each with a sentence, why it matters, and what to do. It takes
    seconds, changes nothing, and needs no Hub that runs. Run it as the Hub's user on
    the Hub's computer: credentials and addresses are that computer's.
    """

    name = "ec2spawner doctor"
    description = __doc__ or ""
    work = "ec2spawner.admin.doctor.app.DoctorApp"
    examples = """
ec2spawner doctor
ec2spawner doctor -f /etc/jupyterhub/jupyterhub_config.py --hub-folder /srv/jupyterhub
ec2spawner doctor --json
ec2spawner doctor --launch
"""
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    launch = Bool(
        False,
        help="If there is no problem, launch one real machine, the smallest, wait "
        "until it has found the Hub's address, and end it. It costs a few cents",
    ).tag(config=True)
    flags = {
        "json": ({"DoctorOptions": {"json": True}}, json.help),
        "launch": ({"DoctorOptions": {"launch": True}}, launch.help),
    }


class PolicyOptions(AdminApp):
    """Write the IAM policy that a hub needs, made of its configuration.

    It allows what the configuration and all its profiles use, and nothing else. AWS is
    not asked. Make it again when the configuration has changed.
    """

    name = "ec2spawner iam-policy"
    description = __doc__ or ""
    work = "ec2spawner.admin.policy.app.PolicyApp"
    examples = """
ec2spawner iam-policy --account 111122223333 > hub-policy.json
ec2spawner iam-policy --images --format terraform
ec2spawner iam-policy --explain
"""
    account = Unicode(
        "*",
        help="The AWS account, 12 digits. Default: whichever the policy is used in",
    ).tag(config=True)
    format = Enum(
        ("json", "terraform", "cloudformation"),
        "json",
        help="json, terraform or cloudformation. Default: json",
    ).tag(config=True)
    explain = Bool(False, help="Say what each statement is for").tag(config=True)
    images = Bool(
        False,
        help="Allow `ec2spawner image`, too, when the configuration does not need it",
    ).tag(config=True)
    aliases: dict[Any, Any] = {
        **AdminApp.aliases,
        "account": "PolicyOptions.account",
        "format": "PolicyOptions.format",
    }
    flags = {
        "explain": ({"PolicyOptions": {"explain": True}}, explain.help),
        "images": ({"PolicyOptions": {"images": True}}, images.help),
    }


class InitOptions(Command):
    """Write what a new hub on AWS needs into FOLDER, or this folder.

    Six questions make jupyterhub_config.py, and hub.yaml, a CloudFormation template of
    all that the hub consists of: network, security groups, role, and its computer,
    which installs and starts the hub at its first boot. The commands that are left to
    do are told. AWS is asked nothing.
    """

    name = "ec2spawner init"
    description = __doc__ or ""
    work = "ec2spawner.admin.init.app.InitApp"
    examples = """
ec2spawner init
ec2spawner init lab --yes --region eu-central-1 --users ada,grace
ec2spawner init --template
"""
    region = Unicode(help="The AWS region").tag(config=True)
    hub_name = Unicode(
        help="The hub's name, which is its hub_id, or its domain name"
    ).tag(config=True)
    users = Unicode(help="Login names, with commas. The first is an admin").tag(
        config=True
    )
    sizes = Unicode(help="Instance types, with commas").tag(config=True)
    budget = Unicode(help="US dollars a month, 0 for no limit").tag(config=True)
    home_size = Unicode(help="GiB of each user's home").tag(config=True)
    idle_minutes = Unicode(
        "60",
        help="Minutes without activity after which a server stops, 0 for never. "
        "Default: 60. It is not asked for",
    ).tag(config=True)
    yes = Bool(False, help="Ask nothing: take the defaults").tag(config=True)
    template = Bool(
        False, help="Make hub.yaml anew of the jupyterhub_config.py that is there"
    ).tag(config=True)
    overwrite = Bool(False, help="Overwrite files without asking").tag(config=True)

    aliases: dict[Any, Any] = {
        "region": "InitOptions.region",
        "name": "InitOptions.hub_name",
        "users": "InitOptions.users",
        "sizes": "InitOptions.sizes",
        "budget": "InitOptions.budget",
        "home-size": "InitOptions.home_size",
        "idle-minutes": "InitOptions.idle_minutes",
    }
    flags = {
        "yes": ({"InitOptions": {"yes": True}}, yes.help),
        "template": ({"InitOptions": {"template": True}}, template.help),
        "overwrite": ({"InitOptions": {"overwrite": True}}, overwrite.help),
    }


class LsOptions(AdminApp):
    """List every machine of a hub: whose it is, since when, at what cost, and why.

    With --homes, list the homes instead, and the snapshots that are kept of homes.
    It reads the Hub's configuration and database and asks EC2, and changes nothing.
    It works with the Hub running or down, and without its database.
    """

    name = "ec2spawner ls"
    description = __doc__ or ""
    work = "ec2spawner.admin.ls.app.LsApp"
    examples = """
ec2spawner ls
ec2spawner ls -f /etc/jupyterhub/jupyterhub_config.py --hub-folder /srv/jupyterhub
ec2spawner ls --homes
ec2spawner ls --json
"""
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    homes = Bool(
        False, help="List homes: whose they are, where, and what becomes of them"
    ).tag(config=True)
    flags = {
        "json": ({"LsOptions": {"json": True}}, json.help),
        "homes": ({"LsOptions": {"homes": True}}, homes.help),
    }


class PricesOptions(AdminApp):
    """List what the machines of a hub cost: who says so, and since when.

    Prices are those of the hub's settings, else what AWS's price list said when the Hub
    last read it. With --refresh it is read now.
    """

    name = "ec2spawner prices"
    description = __doc__ or ""
    work = "ec2spawner.admin.prices.PricesApp"
    examples = """
ec2spawner prices
ec2spawner prices --refresh
ec2spawner prices --json
"""
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    refresh = Bool(False, help="Ask AWS for its prices now").tag(config=True)
    flags = {
        "json": ({"PricesOptions": {"json": True}}, json.help),
        "refresh": ({"PricesOptions": {"refresh": True}}, refresh.help),
    }


class SweepOptions(AdminApp):
    """End the machines of a hub that no server owns and whose lease is over.

    Also delete the volumes, network interfaces and addresses that they left over.
    The Hub does so itself while it runs; this is for when it is down. It reads the
    Hub's configuration and database, and changes neither.
    """

    name = "ec2spawner sweep"
    description = __doc__ or ""
    work = "ec2spawner.admin.sweep.SweepApp"
    examples = """
ec2spawner sweep --dry-run
ec2spawner sweep -f /etc/jupyterhub/jupyterhub_config.py --hub-folder /srv/jupyterhub
ec2spawner sweep --expired
"""
    dry_run = Bool(False, help="Say what would be done, and do nothing").tag(
        config=True
    )
    expired = Bool(
        False,
        help="When the Hub's database cannot be read, go by the leases alone. Only "
        "machines that run are ended then",
    ).tag(config=True)
    force = Bool(
        False,
        help="End also what is held back because it is many at once, or older than "
        "the database. Look at --dry-run --force first",
    ).tag(config=True)
    look_again = Float(
        10.0,
        min=0,
        help="Seconds after which to look again, before anything is ended",
    ).tag(config=True)

    json = Bool(False, help="Print JSON, for programs").tag(config=True)

    aliases = {**AdminApp.aliases, "look-again": "SweepOptions.look_again"}
    flags = {
        "dry-run": ({"SweepOptions": {"dry_run": True}}, dry_run.help),
        "expired": ({"SweepOptions": {"expired": True}}, expired.help),
        "json": ({"SweepOptions": {"json": True}}, json.help),
        "force": ({"SweepOptions": {"force": True}}, force.help),
    }


class TeardownOptions(AdminApp):
    """List all that a hub has in AWS, with what it costs, and delete it.

    Machines, their disks, interfaces and addresses, and images with their snapshots, in
    all regions. Homes and their snapshots stay unless --homes is given. It asks for the
    hub's id first. It can be interrupted and run again. The Hub must be stopped.
    """

    name = "ec2spawner teardown"
    description = __doc__ or ""
    work = "ec2spawner.admin.teardown.app.TeardownApp"
    examples = """
ec2spawner teardown --dry-run
ec2spawner teardown --homes
ec2spawner teardown --yes-delete lab-hub
"""
    dry_run = Bool(False, help="List it, and delete nothing").tag(config=True)
    homes = Bool(
        False, help="Delete homes, too, and their snapshots. There is no way back"
    ).tag(config=True)
    yes_delete = Unicode(help="The hub's id, for scripts: delete without asking").tag(
        config=True
    )
    force = Bool(False, help="Delete although a Hub with this id seems to run").tag(
        config=True
    )
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    aliases: dict[Any, Any] = {
        **AdminApp.aliases,
        "yes-delete": "TeardownOptions.yes_delete",
    }
    flags = {
        "dry-run": ({"TeardownOptions": {"dry_run": True}}, dry_run.help),
        "homes": ({"TeardownOptions": {"homes": True}}, homes.help),
        "force": ({"TeardownOptions": {"force": True}}, force.help),
        "json": ({"TeardownOptions": {"json": True}}, json.help),
    }


class WhyOptions(AdminApp):
    """Tell all that is known of one user's server: why it is as it is, on one page.

    What the Hub has saved, what EC2 says, what it costs, since when it is idle, how the
    last machine ended, and the end of the console of a machine that is not ready. It
    reads the Hub's configuration and database and asks EC2, and changes nothing. It
    works with the Hub running or down.
    """

    name = "ec2spawner why"
    description = __doc__ or ""
    work = "ec2spawner.admin.why.app.WhyApp"
    examples = """
ec2spawner why alice
ec2spawner why alice gpu --console
ec2spawner why alice --json
"""
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    console = Bool(
        False, help="Show the end of the machine's console, also of one that is ready"
    ).tag(config=True)
    flags = {
        "json": ({"WhyOptions": {"json": True}}, json.help),
        "console": ({"WhyOptions": {"console": True}}, console.help),
    }
