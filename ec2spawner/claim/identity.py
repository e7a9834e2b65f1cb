"""Whether a machine is the one that EC2 says it is: its signed identity document. Pure.

EC2 gives each machine a document of who it is, signed with a key that only EC2 has, one
for each region (EC2 user guide, "Instance identity documents"). The signature comes as
PKCS #7 (RFC 5652) with the document in it. Keys are pinned: which certificates a
message brings, and until when one is good, does not count.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from importlib.resources import files
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

# AWS refuses requests of a clock that is further off (AWS General Reference, "Signing
# AWS API requests": five minutes).
_CLOCKS = 300.0
# What asn1crypto raises for bytes that are not what it takes them for.
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


class NotItsDocument(Exception):
    """The document of a claim is not one of the machine's. The text says why."""


@dataclass(frozen=True)
class Expected:
    """What EC2 has told of a launch's machine, as far as it is known.

    :ivar since: when the launch, or the waking, was asked for, or EC2 says that it
        began: seconds since the epoch. An older document is of an earlier start
    """

    region: str
    instance_id: str
    account: str
    image_id: str
    since: float


def can_check() -> bool:
    """Whether documents can be read here: it takes ``ec2spawner[identity]``."""
    return _cms() is not None


@cache
def _cms() -> Any:
    # Eight hundredths of a second: not while a machine waits (hub/checks/identity.py).
    try:
        from asn1crypto import cms
    except ImportError:
        return None
    return cms


@cache
def published() -> Mapping[str, str]:
    """AWS's certificates for these signatures: region -> PEM."""
    text = files(__package__).joinpath("identity_certificates.txt").read_text()
    blocks = (block.partition("\n") for block in text.split("\n\n")[1:])
    return {region: pem for region, _, pem in blocks}


def public_key(certificate: str) -> RSAPublicKey:
    """
    :param certificate: PEM
    :raises ValueError: for what is none, or has no RSA key
    """
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("the certificate's key is not RSA")
    return key


def check(signed: str, certificate: str, expected: Expected, now: float) -> None:
    """Check what a machine has sent for its document.

    :param signed: as ``dynamic/instance-identity/rsa2048`` of its metadata service has
        it: PEM of PKCS #7 without its first and last line
    :param certificate: PEM, of its region
    :param now: seconds since the epoch
    :raises NotItsDocument: when it is not signed by EC2, or not about this machine
    """
    if not signed:
        raise NotItsDocument("it has sent no identity document")
    try:
        key = public_key(certificate)
    except ValueError as e:
        raise NotItsDocument(f"the certificate of {expected.region} is none") from e
    document = _fields(_content(signed, key))
    for name, value in (
        ("region", expected.region),
        ("instanceId", expected.instance_id),
        ("accountId", expected.account),
        ("imageId", expected.image_id),
    ):
        if value and document.get(name) != value:
            # Signed by EC2: these are no texts of strangers.
            raise NotItsDocument(
                f"its identity document has {name} {document.get(name)!r:.80} where "
                f"EC2 has told {value!r}"
            )
    began = _time(document.get("pendingTime"))
    if not expected.since - _CLOCKS <= began <= now + _CLOCKS:
        raise NotItsDocument(
            f"its identity document is of {document.get('pendingTime')!r:.80}, and not "
            "of this start"
        )


def _content(signed: str, key: RSAPublicKey) -> bytes:
    """The bytes that a message signs.

    :raises NotItsDocument: when the key has not signed them
    """
    try:
        # BER, with lengths that are not known ahead: AWS sends it so.
        message = _cms().ContentInfo.load(base64.b64decode(signed))["content"]
        content = message["encap_content_info"]["content"].native
        (signer,) = message["signer_infos"]
        attributes = {
            each["type"].native: each["values"] for each in signer["signed_attrs"]
        }
        (digest,) = attributes["message_digest"].native
        signature, signs = signer["signature"].native, signer["signed_attrs"]
        # RFC 5652, 5.4: signed as a SET OF, whatever tag it travels with.
        key.verify(signature, signs.untag().dump(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise NotItsDocument(
            "its identity document is not signed with the region's key"
        ) from None
    except _UNREADABLE as e:
        raise NotItsDocument("its identity document cannot be read") from e
    if not isinstance(content, bytes) or hashlib.sha256(content).digest() != digest:
        raise NotItsDocument("its identity document is not what was signed")
    return content


def _fields(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as e:
        raise NotItsDocument("its identity document is no JSON") from e
    if not isinstance(document, dict):
        raise NotItsDocument("its identity document is no object")
    return document


def _time(text: object) -> float:
    """Seconds since the epoch of ``2016-11-19T16:32:11Z``; 0 for what is no time."""
    try:
        moment = datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return 0.0
    return moment.replace(tzinfo=timezone.utc).timestamp()
