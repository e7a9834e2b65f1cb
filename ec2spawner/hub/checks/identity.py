"""What keeps claims from being checked by EC2's identity documents."""

from __future__ import annotations

from collections.abc import Iterator

from ...claim.identity import can_check, public_key
from ...launch.identity import certificate_of
from ...profiles.read import ProfileListError
from ...server.choice import known_profiles
from ...settings import LaunchSettings

_INSTALL = "pip install 'ec2spawner[identity]'"


def mistakes(spawner: LaunchSettings) -> Iterator[str]:
    """Why the settings of claims by identity documents cannot be.

    Also loads what reads documents, so that no machine waits for that.
    """
    for region, certificate in spawner.identity_certificates.items():
        try:
            public_key(certificate)
        except ValueError as e:
            yield (
                f"c.EC2Spawner.identity_certificates[{region!r}] is no certificate of "
                f"an RSA key, PEM: {e}."
            )
    able = spawner.claim_identity == "off" or can_check()
    if spawner.claim_identity != "required":
        return
    if not able:
        yield (
            'c.EC2Spawner.claim_identity is "required", and this computer lacks '
            f"asn1crypto, which reads identity documents: {_INSTALL}."
        )
    for region in _without(spawner):
        yield (
            'c.EC2Spawner.claim_identity is "required", and nothing is here to check '
            f"identity documents of {region} with: put AWS's certificate, PEM, into "
            f"c.EC2Spawner.identity_certificates[{region!r}]."
        )


def unchecked(spawner: LaunchSettings) -> Iterator[str]:
    """Where ``claim_identity = "auto"`` checks nothing, and could."""
    if spawner.claim_identity != "auto":
        return
    if regions := _without(spawner):
        if spawner.endpoint_url:
            return  # another EC2 than AWS's, which may sign nothing
        yield (
            f"Claims of machines in {', '.join(regions)} are answered without EC2's "
            "word on who they are: AWS's certificate for it is not in this version. "
            "Put it into c.EC2Spawner.identity_certificates."
        )
    elif not can_check():
        yield (
            "Claims are answered without EC2's word on which machine they come from: "
            f"{_INSTALL}."
        )


def _without(spawner: LaunchSettings) -> list[str]:
    """The regions whose certificate is not here."""
    try:
        profiles = known_profiles(spawner)
    except ProfileListError:
        profiles = ()  # others tell of it
    overrides = (each for profile in profiles for each in profile.overrides())
    named = [spawner.region, *(each.get("region") for each in overrides)]
    regions = dict.fromkeys(r for r in named if isinstance(r, str) and r)
    return [region for region in regions if not certificate_of(spawner, region)]
