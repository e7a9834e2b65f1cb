"""What works, and is seldom meant: a line each when the Hub starts.

Each has a name, by which an admin who means it says so (``acknowledged``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jupyterhub import orm

from ...profiles.read import ignored_settings
from ...server.choice import known_profiles
from .culler import has_culler, idle_timeout_of
from .identity import unchecked

# JupyterHub's default for how often servers tell of their activity
# (jupyterhub/singleuser: JUPYTERHUB_ACTIVITY_INTERVAL).
_ACTIVITY_SECONDS = 300
# A machine that boots, claims and starts a server takes about a minute on AWS.
_START_SECONDS = 120
# What JupyterHub's own spawners may heed, and what size of a machine is here.
_OF_SIZE = ("mem_limit", "mem_guarantee", "cpu_limit", "cpu_guarantee")


def warnings(spawner: Any, app: Any) -> Iterator[str]:
    """
    :param spawner: an instance without a user, to read the settings from
    :param app: the JupyterHub application
    """
    known = spawner.acknowledged
    for name in sorted(set(known) - CHECKS.keys()):
        yield (
            f"c.EC2Spawner.acknowledged names {name!r}, which no warning has: they are "
            f"{', '.join(CHECKS)}"
        )
    for name, check in CHECKS.items():
        if name in known:
            continue
        for text in check(spawner, app):
            yield f"{text} [{name}]"


def _kubernetes(spawner: Any, app: Any) -> Iterator[str]:
    raw: Any = spawner.profile_list
    if found := sorted(ignored_settings(raw)):
        yield (
            "c.EC2Spawner.profile_list: ignoring what only Kubernetes knows: "
            + ", ".join(found)
        )


def _security_groups(spawner: Any, app: Any) -> Iterator[str]:
    profiles = known_profiles(spawner)
    own = profiles and all(p.override.get("security_groups") for p in profiles)
    if not (spawner.security_groups or own):
        yield (
            "c.EC2Spawner.security_groups is not set: machines are in the VPC's "
            "default group, which lets each of them reach the servers on all others. "
            "Give them a group that admits the Hub to their port and nobody else."
        )


def _subnets(spawner: Any, app: Any) -> Iterator[str]:
    profiles = known_profiles(spawner)
    own = profiles and all(p.override.get("subnets") for p in profiles)
    if not (spawner.subnets or own):
        yield (
            "c.EC2Spawner.subnets is not set: machines are in the default VPC, which "
            "the Hub must be in, too. Give the subnets of the Hub's VPC, one for each "
            "zone."
        )


def _setup(spawner: Any, app: Any) -> Iterator[str]:
    if app.cleanup_servers and not (has_culler(app) or spawner.idle_timeout):
        yield (
            "ec2spawner.setup(c) has not been called: idle servers are not stopped, "
            "and a Hub that is stopped, for an update for example, ends everybody's "
            "machine. Call it at the end of jupyterhub_config.py."
        )


def _size(spawner: Any, app: Any) -> Iterator[str]:
    sections = ("Spawner", "EC2Spawner")
    found = [
        f"c.{section}.{name}"
        for section in sections
        for name in _OF_SIZE
        if section in app.config and name in app.config[section]
    ]
    if found:
        yield (
            f"{', '.join(found)} limits nothing: a server has a machine of its own. "
            "Choose its size by c.EC2Spawner.instance_type, sizes or profile_list."
        )


def _start_timeout(spawner: Any, app: Any) -> Iterator[str]:
    if spawner.start_timeout < _START_SECONDS:
        yield (
            f"c.EC2Spawner.start_timeout is {spawner.start_timeout} s: a machine on "
            f"AWS takes about a minute. Give it {_START_SECONDS} s or more."
        )


def _idle_timeout(spawner: Any, app: Any) -> Iterator[str]:
    given = [each for each in (idle_timeout_of(app), spawner.idle_timeout) if each]
    if not given or min(given) >= 2 * _ACTIVITY_SECONDS:
        return
    if not has_culler(app):
        yield (
            f"An idle time of {min(given):.0f} s stops people who read or think, with "
            f"a warning of half of it. Give it {2 * _ACTIVITY_SECONDS} s or more."
        )
    else:
        yield (
            f"An idle time of {min(given):.0f} s stops people at work: servers tell of "
            f"their activity every {_ACTIVITY_SECONDS} s. Give it "
            f"{2 * _ACTIVITY_SECONDS} s or more."
        )


def _groups(spawner: Any, app: Any) -> Iterator[str]:
    if app.authenticator.manage_groups:
        return  # they are there once somebody of them has logged in
    asked = {
        group
        for profile in known_profiles(spawner)
        for audience in profile.audiences()
        for group in audience.groups
    }
    asked |= set(spawner.build_allowed_groups)
    there = {name for (name,) in app.db.query(orm.Group.name)} | set(app.load_groups)
    if missing := sorted(asked - there):
        yield (
            f"No group is named {', '.join(missing)}, so nobody may have what is for "
            "its members. Make it on the admin page or in c.JupyterHub.load_groups."
        )


def _caps(spawner: Any, app: Any) -> Iterator[str]:
    names = ("max_machines", "max_machines_per_user")
    if unset := [name for name in names if not getattr(spawner, name)]:
        yield (
            f"c.EC2Spawner.{' and '.join(unset)} is 0: only AWS's quotas bound what "
            "users can run, and what that costs."
        )


def _subdomains(spawner: Any, app: Any) -> Iterator[str]:
    if not app.subdomain_host:
        yield (
            "c.JupyterHub.subdomain_host is not set: what a user's server serves can "
            "act in the name of whoever opens it. See JupyterHub's documentation, "
            "'Security overview'."
        )


def _identity(spawner: Any, app: Any) -> Iterator[str]:
    yield from unchecked(spawner)


#: its name -> what to say, if there is anything
CHECKS: Mapping[str, Callable[[Any, Any], Iterator[str]]] = {
    "setup": _setup,
    "security-groups": _security_groups,
    "subnets": _subnets,
    "limits": _caps,
    "groups": _groups,
    "size": _size,
    "start-timeout": _start_timeout,
    "idle-timeout": _idle_timeout,
    "identity": _identity,
    "subdomains": _subdomains,
    "kubernetes": _kubernetes,
}
