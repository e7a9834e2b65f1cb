"""Answers -> ``jupyterhub_config.py``. Pure."""

from __future__ import annotations

from .answers import Answers
from .texts import literal, rendered


def config_of(answers: Answers) -> str:
    """The configuration of such a hub.

    It asks for ``aws.json`` beside it: see :mod:`.stack`.
    """
    return rendered(
        "jupyterhub_config.py",
        name=answers.name,
        domain=answers.domain,
        region=answers.region,
        users=literal(answers.users, len("c.Authenticator.allowed_users = ")),
        admins=literal(answers.users[:1], len("c.Authenticator.admin_users = ")),
        sizes=literal(answers.sizes, len("c.EC2Spawner.sizes = ")),
        budget=f"{answers.budget:g}" if answers.budget else "",
        home_size=answers.home_size,
        idle_seconds=answers.idle_minutes * 60,
    )
