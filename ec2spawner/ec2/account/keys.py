"""KMS keys, with which EC2 encrypts volumes."""

from __future__ import annotations

from dataclasses import dataclass

from ..clients import Lane


@dataclass(frozen=True)
class Key:
    """``state`` is KMS's word: Enabled, Disabled, PendingDeletion, ..."""

    arn: str
    state: str
    #: the account's own, and not AWS's
    own: bool = True
    #: it encrypts, and does not only sign
    encrypts: bool = True


async def describe_key(lane: Lane, key: str) -> Key:
    """A key by its id, ARN or alias.

    :raises EC2Error: ``NotFoundException`` when there is none; when KMS does not
        answer, or denies it
    """

    def work(lane: Lane) -> Key:
        found = lane.kms.describe_key(KeyId=key)["KeyMetadata"]
        return Key(
            found["Arn"],
            found.get("KeyState", ""),
            found.get("KeyManager", "CUSTOMER") == "CUSTOMER",
            found.get("KeyUsage", "ENCRYPT_DECRYPT") == "ENCRYPT_DECRYPT",
        )

    return await lane.run("DescribeKey", work)
