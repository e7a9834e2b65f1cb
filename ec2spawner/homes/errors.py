"""What users read when a home cannot be had. Nothing is ever lost by it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import EC2SpawnError, Reason
from ..core.tags import HOME_TAG
from ..ec2.errors import EC2Error, admin_hint
from ..ec2.errors.kinds import Kind
from ..ec2.machines import Machine
from ..ec2.volumes import Volume

# EBS user guide, "Requirements for Amazon EBS encryption".
_KEY_HINT = (
    "mostly the KMS key that encrypts homes (home_kms_key_id, or the account's key for "
    "EBS): it must exist, be enabled, and allow the Hub's role kms:CreateGrant, "
    "kms:GenerateDataKeyWithoutPlaintext, kms:Decrypt and kms:DescribeKey"
)


def lost(volume_id: str, why: str) -> EC2SpawnError:
    """A volume that the database names is not there."""
    return EC2SpawnError(
        f"Your home ({volume_id}) cannot be found. Nothing is started without it. "
        "Please tell your hub's admin.",
        reason=Reason.HOME,
        log_message=f"Home {volume_id}: {why}. A snapshot may have it; to begin with "
        "an empty home, delete the server's state",
    )


def not_shown(ids: Sequence[str]) -> EC2SpawnError:
    """EC2's index of tags names homes of somebody who has none by all other answers."""
    named = ", ".join(ids)
    return EC2SpawnError(
        f"AWS has a home of yours ({named}) that it does not show just now. Nothing is "
        "lost, and no other is made. Try again in a few minutes, and if it comes back, "
        "please tell your hub's admin.",
        reason=Reason.HOME,
        log_message=f"DescribeTags names {named} with {HOME_TAG} of one owner, and "
        "DescribeVolumes does not know it. If it is gone for good and its owner is to "
        f"begin with an empty home: aws ec2 delete-tags --resources {' '.join(ids)} "
        f"--tags Key={HOME_TAG}",
    )


def in_use(volume: Volume, holder: Machine | None) -> EC2SpawnError:
    """Another machine has it.

    :param holder: that machine; None when this hub's listings do not show it
    """
    where = f"Your home ({volume.id}) is in use on machine {volume.attached_to}"
    if holder is None:
        text = (
            f"{where}, of which this hub knows nothing. Stop your other servers, then "
            "try again. If that does not help, please tell your hub's admin."
        )
    elif holder.state in ("pending", "running"):
        text = (
            f"{where}. Stop the server that runs there, then try again. If none of "
            "yours runs there, please tell your hub's admin."
        )
    else:
        text = (
            f"Your home ({volume.id}) is still on machine {volume.attached_to}, which "
            "is about to give it back: no server runs there any more. Nothing is lost. "
            "Try again in a few minutes, and if it comes back, please tell your hub's "
            "admin."
        )
    return EC2SpawnError(
        text,
        reason=Reason.HOME,
        log_message=f"Home {volume.id} is {volume.attachment or volume.state} on "
        f"machine {volume.attached_to}, which is "
        f"{holder.state if holder else 'not in the listing of this hub'}",
    )


def in_use_by(volume: Volume, server_name: str) -> EC2SpawnError:
    """Another server of the same user has it."""
    server = f"your server {server_name!r}" if server_name else "your default server"
    return EC2SpawnError(
        f"Your home ({volume.id}) is in use by {server}, on machine "
        f"{volume.attached_to}. Stop that server, then try again.",
        reason=Reason.HOME,
    )


def not_made(volume_id: str, why: str) -> EC2SpawnError:
    """EC2 has accepted a new volume, and then could not make it."""
    return EC2SpawnError(
        "Your home could not be made: AWS gave up on its volume. Nothing is lost. "
        "Please tell your hub's admin.",
        reason=Reason.CONFIG,
        log_message=f"Volume {volume_id}, a new home: {why}: {_KEY_HINT}",
    )


def not_attached(volume: Volume, instance_id: str) -> EC2SpawnError:
    """EC2 takes too long."""
    return EC2SpawnError(
        f"Your home ({volume.id}) could not be attached to machine {instance_id} in "
        "time. Nothing is lost. Try again.",
        reason=Reason.HOME,
        log_message=f"Home {volume.id} is {volume.state} and not attached to machine "
        f"{instance_id}. If that comes back, it is {_KEY_HINT}",
    )


def refused(error: EC2Error, volume_id: str) -> EC2SpawnError | None:
    """The words for a call about a home that EC2 refused; None for no special ones.

    :param volume_id: empty for a home that was to be made
    """
    said = f"{error.code} {error.message}".lower()
    if "kms" in said or error.code == "CustomerKeyHasBeenRevoked":
        return EC2SpawnError(
            "AWS refuses the key that encrypts your home. Nothing is lost. Please tell "
            "your hub's admin.",
            reason=Reason.PERMISSION,
            log_message=f"{admin_hint(error)} -- {_KEY_HINT}",
        )
    # One that moves meets other limits, of which the table has the words.
    if error.kind is Kind.QUOTA and not volume_id:
        return EC2SpawnError(
            "This hub's AWS account has reached its limit of volumes, so your home "
            "cannot be made. Please tell your hub's admin.",
            reason=Reason.QUOTA,
            log_message=f"{error} -- ask for more gp3 storage in Service Quotas, "
            "Amazon EBS, or delete volumes that nobody needs: ec2spawner ls --homes",
        )
    if error.code == "IdempotentParameterMismatch":
        # So EC2 answers a token whose volume it has taken back.
        return not_made("(unknown)", str(error))
    if error.code == "InvalidVolume.ZoneMismatch":
        return EC2SpawnError(
            f"Your home ({volume_id}) is in another zone than your machine. Nothing is "
            "lost. Try again.",
            reason=Reason.HOME,
            log_message=admin_hint(error),
        )
    if error.code == "InvalidVolume.NotFound" and volume_id:
        return lost(volume_id, "EC2 does not know it")
    return None
