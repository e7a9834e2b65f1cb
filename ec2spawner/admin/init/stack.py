"""A configuration -> ``hub.yaml``, the CloudFormation template that makes its hub.

What the hub may do is what ``ec2spawner iam-policy`` says for the same configuration,
with the names that CloudFormation knows only when it makes the stack.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.auth import PAMAuthenticator

from ... import __version__
from ...hub.checks.problems import problems
from ..hub_config import AdminError, Hub, load_app, read_hub
from ..policy.needs import needs_of, unknown
from ..policy.statement import Statement
from ..policy.statements import statements
from . import answers
from .texts import rendered

CONFIG, TEMPLATE, MADE = "jupyterhub_config.py", "hub.yaml", "aws.json"
#: by their names in the template; every region has two zones at least
_SUBNETS = ("SubnetA", "SubnetB")
# RunInstances, UserData: before base64. The rest is for what CloudFormation fills in.
_USER_DATA = 16_384 - 1_024
# An address in the template's network, for who reads the configuration before there is
# one.
_SOME_ADDRESS = "10.0.0.10"


@dataclass(frozen=True)
class Stack:
    """A template, and what must be known to use it."""

    name: str
    region: str
    domain: str
    #: of the hub's computer, the admins' first
    accounts: tuple[str, ...]
    template: str
    #: settings whose values only a user's start tells: the policy lacks them
    unknown: tuple[str, ...] = ()


def stack_of(config: str) -> Stack:
    """Read a configuration as the Hub would, and make the template of it.

    :param config: the text of a ``jupyterhub_config.py``
    :raises AdminError: for a configuration that cannot work, or no template can be
        made of
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / CONFIG
        path.write_text(config)
        made = _aws_json(_SOME_ADDRESS)
        path.with_name(MADE).write_text(json.dumps(made))
        try:
            hub = read_hub(path)
        except AdminError as e:
            raise AdminError(str(e).replace(str(path), CONFIG)) from e
        app = load_app(path)
        app.init_hub()
    spawner = app.spawner_class(
        config=app.config, hub=app.hub, internal_ssl=app.internal_ssl
    )
    if found := list(problems(spawner, app)):
        raise AdminError(f"{CONFIG} cannot work: {' '.join(found)}")
    if not hub.accounts:
        raise AdminError(f"{CONFIG} names no region: set c.EC2Spawner.region")
    try:
        name, _ = answers.name_and_domain(hub.hub_id)
        accounts = _accounts(app)
    except ValueError as e:
        raise AdminError(f"{CONFIG}: {e}") from e
    domain = urlsplit(app.config.JupyterHub.get("public_url", "")).hostname or ""
    values = {
        "name": name,
        "domain": domain,
        "subnets": _SUBNETS,
        "hub_port": app.hub_port,
        "claim_port": spawner.claim_port,
        "port": spawner.port,
        "statements": [
            (each.why, json.dumps(substituted(each.as_json())))
            for each in policy_of(hub)
        ],
        "user_data": user_data(config, accounts),
        "version": __version__,
    }
    template = rendered(TEMPLATE, **values)
    region, lacking = hub.accounts[0].region, tuple(unknown(hub.settings))
    return Stack(name, region, domain, accounts, template, lacking)


def policy_of(hub: Hub) -> list[Statement]:
    """Those of ``ec2spawner iam-policy --images``, in the account of the stack."""
    regions = [account.region for account in hub.accounts]
    account, partition = "${AWS::AccountId}", "${AWS::Partition}"
    needs = needs_of(hub.settings, hub.hub_id, regions, account, partition, True)
    return statements(needs)


def substituted(value: Any) -> Any:
    """With ``Fn::Sub`` around each text that names something of the template."""
    if isinstance(value, dict):
        return {key: substituted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [substituted(each) for each in value]
    if isinstance(value, str) and "${" in value:
        return {"Fn::Sub": value}
    return value


def user_data(config: str, accounts: tuple[str, ...]) -> str:
    """The program of the hub's computer at its first boot, as ``Fn::Sub`` takes it.

    :raises AdminError: when the configuration is too long for it
    """
    made = json.dumps(_aws_json("${HubInterface.PrimaryPrivateIpAddress}"))
    # What Fn::Sub is to leave alone.
    text = (config.rstrip("\n") + "\n").replace("${", "${!")
    found = rendered("user_data.sh", aws=made, config=text, accounts=accounts)
    if (size := len(found.encode())) > _USER_DATA:
        raise AdminError(
            f"{CONFIG} is too long to travel in the user-data of the hub's computer, "
            f"by {size - _USER_DATA} bytes: move parts of it to files of their own"
        )
    return found


def _aws_json(address: str) -> dict[str, Any]:
    """What a configuration reads of its stack."""
    return {
        "hub_ip": address,
        "subnets": [f"${{{name}}}" for name in _SUBNETS],
        "security_group": "${MachinesGroup}",
    }


def _accounts(app: Any) -> tuple[str, ...]:
    """Who needs an account of the hub's computer to log in.

    :raises ValueError: for a name that cannot have one
    """
    if not issubclass(app.authenticator_class, PAMAuthenticator):
        return ()
    authenticator = app.authenticator_class(config=app.config)
    admins = sorted(authenticator.admin_users)
    others = sorted(authenticator.allowed_users - authenticator.admin_users)
    return answers.users(" ".join([*admins, *others])) if admins or others else ()
