"""Who the Hub is for AWS, and by whose clock."""

from __future__ import annotations

from collections.abc import Iterator

from ....ec2.account.region import partition_of
from ....settings.network import is_loopback_url
from ..look.facts import Facts, Unknown
from ..look.wants import Wants
from .check import Check, not_known, ok, problem, warning

# AWS refuses what is signed five minutes off (IAM user guide, "Signature Version 4").
_REFUSED_SECONDS = 300
_SOON_SECONDS = 60
_METADATA = "169.254.169.254"


def credentials(wants: Wants, facts: Facts) -> Iterator[Check]:
    """Whose they are, and where they come from."""
    who = facts.identity
    yield from _proxies(facts)
    if isinstance(who, Unknown):
        yield not_known("credentials", "", who)
        return
    for region in facts.regions:
        yield from _partition(region, who.partition)
    if is_loopback_url(wants.endpoint_url):
        yield ok("credentials", "", f"a local EC2's, account {who.account}")
    elif who.is_root:
        yield warning(
            "credentials",
            who.arn,
            "These are the AWS account's own (root).",
            "No policy bounds them: whoever takes over the Hub has the whole account.",
            _ROLE,
        )
    elif not who.is_role:
        yield warning(
            "credentials",
            who.arn,
            "These are a user's keys, not a role's.",
            "They never end by themselves, and lie in a file or in the environment.",
            _ROLE,
        )
    else:
        yield ok("credentials", "", f"{who.arn}{_found(facts.method)}")


_ROLE = (
    "aws ec2 associate-iam-instance-profile --instance-id HUB_COMPUTER "
    "--iam-instance-profile Name=HUB_ROLE"
)


def _found(method: str) -> str:
    return f" ({method})" if method else ""


def _partition(region: str, partition: str) -> Iterator[Check]:
    try:
        here = partition_of(region)
    except ValueError as e:
        yield problem("credentials", region, f"{e}.", _NO_REGION, _SET_REGION)
        return
    if partition and here != partition:
        yield problem(
            "credentials",
            region,
            f"The credentials are of the partition {partition}, and {region} is in "
            f"{here}.",
            "An account is in one partition of AWS only.",
            _SET_REGION,
        )


_NO_REGION = "Nothing can be launched in it."
_SET_REGION = "aws ec2 describe-regions --query 'Regions[].RegionName'"


def _proxies(facts: Facts) -> Iterator[Check]:
    """A proxy between the Hub and the metadata service has no role for it."""
    environment = {name.upper(): value for name, value in facts.environment.items()}
    proxy = environment.get("HTTP_PROXY") or environment.get("HTTPS_PROXY")
    spared = [each.strip() for each in environment.get("NO_PROXY", "").split(",")]
    if proxy and facts.method in ("", "iam-role") and not {"*", _METADATA} & {*spared}:
        yield warning(
            "credentials",
            "proxy",
            f"A proxy is set, and NO_PROXY lacks {_METADATA}.",
            "The Hub looks for its role at that address, and a proxy has none for it.",
            f'export NO_PROXY="$NO_PROXY,{_METADATA}"',
        )


def clock(wants: Wants, facts: Facts) -> Iterator[Check]:
    """AWS refuses requests by the time in them."""
    who = facts.identity
    if isinstance(who, Unknown):
        return
    if who.skew is None:
        yield not_known("clock", "", Unknown("AWS's answer had no date."))
        return
    off = abs(who.skew)
    way = "ahead of" if who.skew > 0 else "behind"
    says = f"This computer's clock is {off:.0f} s {way} AWS's."
    why = f"AWS refuses all requests that are {_REFUSED_SECONDS} s off."
    fix = "sudo timedatectl set-ntp true"
    if off >= _REFUSED_SECONDS:
        yield problem("clock", "", says, why, fix)
    elif off >= _SOON_SECONDS:
        yield warning("clock", "", says, why, fix)
    else:
        yield ok("clock", "", "with AWS's")
