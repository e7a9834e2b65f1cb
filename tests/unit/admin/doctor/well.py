"""A hub where all is well, by values: a test breaks one thing of it."""

from dataclasses import replace

from ec2spawner.admin.doctor.look.facts import Facts, RegionFacts, Trial
from ec2spawner.admin.doctor.look.wants import Wants
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.policy.needs import needs_of
from ec2spawner.ec2.account.identity import Identity
from ec2spawner.ec2.account.quotas import Quota
from ec2spawner.ec2.facts import Image, TypeFacts
from ec2spawner.ec2.network.acls import Acl, Entry
from ec2spawner.ec2.network.security_groups import Interface, Rule, SecurityGroup
from ec2spawner.ec2.network.subnets import Routes, Subnet
from ec2spawner.hub.checks.variants import variants_of
from ec2spawner.settings import LaunchSettings

from .aws_words import mistakes

HERE, THERE = "us-west-2", "eu-west-1"
AMI = "ami-0123456789abcdef0"
SETTINGS = {
    "region": HERE,
    "image": AMI,
    "subnets": ["subnet-a", "subnet-b"],
    "security_groups": ["sg-machines"],
    "instance_type": "m7i.large",
    "home": "user",
    "max_machines": 20,
}
ROLE = "arn:aws:sts::111122223333:assumed-role/lab-hub/i-0123456789abcdef0"
OUT = Rule("-1", cidrs=("0.0.0.0/0",))
MACHINES = SecurityGroup(
    "sg-machines", "vpc-1", "", (Rule("tcp", 8888, 8888, groups=("sg-hub",)),), (OUT,)
)
HUBS = SecurityGroup(
    "sg-hub", "vpc-1", "", (Rule("tcp", 8081, 8081, groups=("sg-machines",)),), (OUT,)
)
OPEN = Acl(
    "acl-1",
    ("subnet-a", "subnet-b"),
    (Entry(100, True, True, "0.0.0.0/0"), Entry(100, False, True, "0.0.0.0/0")),
)
REGION = RegionFacts(
    HERE,
    subnets={
        "subnet-a": Subnet("subnet-a", "vpc-1", f"{HERE}a", "10.0.1.0/24", free=200),
        "subnet-b": Subnet("subnet-b", "vpc-1", f"{HERE}b", "10.0.2.0/24", free=200),
    },
    groups={"sg-machines": MACHINES, "sg-hub": HUBS},
    routes=(Routes("vpc-1", main=True, internet="nat-1"),),
    acls=(OPEN,),
    dns={"vpc-1": True},
    hub=Interface("eni-1", "vpc-1", "subnet-a", f"{HERE}a", "10.0.0.10", ("sg-hub",)),
    images={(AMI, ()): Image(AMI, "/dev/sda1", "x86_64", root_size=8)},
    types={"m7i.large": TypeFacts(frozenset({"x86_64"}), 8.0, True, 2)},
    zones={"m7i.large": frozenset({f"{HERE}a", f"{HERE}b"})},
    quotas={("on-demand", "standard"): Quota("L-1216C47A", "Running", 64)},
    trials=(
        Trial("launch m7i.large", "RunInstances", True),
        Trial("launch p5.48xlarge", "RunInstances", False, "it may not"),
    ),
)
FACTS = Facts(
    Identity(ROLE, "111122223333", 0.2),
    {HERE: REGION},
    hub_is_here=True,
    method="iam-role",
    free_plan=False,
    now=1e9,
)


def wants(**given):
    """What a hub wants with these settings; ``hub`` has what is not a setting."""
    hub = {
        "hub_url": "http://10.0.0.10:8081/hub/api",
        "hub_address": "10.0.0.10",
        "max_machines": 20,
        **given.pop("hub", {}),
    }
    settings = LaunchSettings(**{**SETTINGS, **given})
    needs = needs_of(settings, "lab-hub", [HERE])
    return Wants("lab-hub", variants_of(settings), needs, **hub)


def region(**changes):
    """Facts in which this one region is otherwise."""
    return replace(FACTS, regions={HERE: replace(REGION, **changes)})


def told(row, wanted=None, facts=FACTS):
    """What a row says, but for what is well: (verdict, sentence, fix) each."""
    found = list(row(wanted or wants(), facts))
    assert all(c.says.strip() for c in found)
    # What people are told to type can be typed.
    assert not [mistake for c in found for mistake in mistakes(c.fix)]
    return [(c.verdict, c.says, c.fix) for c in found if c.verdict is not Verdict.OK]


def one(row, wanted=None, facts=FACTS):
    """The only thing that it says."""
    (found,) = told(row, wanted, facts)
    return found
