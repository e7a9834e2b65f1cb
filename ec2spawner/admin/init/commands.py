"""What an admin types from the template to a running hub. Pure."""

from __future__ import annotations

import shlex

from ...images.builds.request import UBUNTU
from .stack import TEMPLATE, Stack

# JupyterHub's own port, where it is not at a domain.
_PORT = 8000


def commands(stack: Stack, template: str = TEMPLATE) -> list[tuple[str, str]]:
    """What each is for, and the command.

    :param template: its path
    """
    at, name = f"--region {stack.region}", f"--stack-name {stack.name}"
    admin = stack.accounts[0] if stack.accounts else ""
    return [
        (
            "Make it all. This ends when the hub answers, after 5 minutes or so. No\n"
            "   package index has ec2spawner yet: behind HubImage=$IMAGE add where a\n"
            "   wheel is, 'Package=ec2spawner[identity,image] @ https://...whl':",
            _lines(
                f"IMAGE=$(aws ssm get-parameter {at}",
                "--query Parameter.Value --output text --name",
                f"{UBUNTU.removeprefix('ssm:')})",
            )
            + "\n"
            + _lines(
                f"aws cloudformation deploy {at} {name}",
                f"--template-file {shlex.quote(template)}",
                "--capabilities CAPABILITY_IAM --parameter-overrides HubImage=$IMAGE",
            ),
        ),
        (
            "Log in to the hub's computer, with AWS's Session Manager plugin:",
            _lines(
                f"HUB=$(aws cloudformation describe-stacks {at} {name}",
                "--output text --query",
                "\"Stacks[0].Outputs[?OutputKey=='HubMachine'].OutputValue\")",
            )
            + f"\naws ssm start-session {at} --target $HUB",
        ),
        (
            "There, "
            + (f"give {admin} a password, and " if admin else "")
            + "make the image of machines, of\n"
            "   lab/requirements.txt or of a repository of yours:",
            (f"sudo passwd {admin}\n" if admin else "")
            + "sudo ec2spawner image build lab --name lab",
        ),
        _at_a_domain(stack, at, name) if stack.domain else _tunnel(at),
    ]


def _at_a_domain(stack: Stack, at: str, name: str) -> tuple[str, str]:
    return (
        f"Let {stack.domain} have this address (an A record). Then let traefik ask\n"
        "   for its certificate by sudo systemctl restart jupyterhub, and open\n"
        f"   https://{stack.domain}/:",
        _lines(
            f"aws cloudformation describe-stacks {at} {name}",
            "--output text --query",
            "\"Stacks[0].Outputs[?OutputKey=='HubAddress'].OutputValue\"",
        ),
    )


def _tunnel(at: str) -> tuple[str, str]:
    return (
        f"On your own computer open a tunnel, and then http://localhost:{_PORT}/:",
        _lines(
            f"aws ssm start-session {at} --target $HUB",
            "--document-name AWS-StartPortForwardingSession",
            f"--parameters portNumber={_PORT},localPortNumber={_PORT}",
        ),
    )


def _lines(*lines: str) -> str:
    """One command."""
    return " \\\n    ".join(lines)
