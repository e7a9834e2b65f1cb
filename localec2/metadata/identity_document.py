"""The instance identity document, signed with keys of this cloud's own.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html
"""

from __future__ import annotations

import base64
import datetime
import json
import textwrap
import threading
from functools import cached_property
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID


def document(instance: Any, region: str) -> bytes:
    """Who an instance is. ``pendingTime`` is of its last start."""
    fields = {
        "accountId": instance.owner_id,
        "architecture": instance.architecture,
        "availabilityZone": instance.availability_zone,
        "billingProducts": None,
        "devpayProductCodes": None,
        "marketplaceProductCodes": None,
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceType": instance.instance_type,
        "kernelId": None,
        "pendingTime": instance.launch_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "privateIp": instance.private_ip,
        "ramdiskId": None,
        "region": region,
        "version": "2017-09-30",
    }
    return json.dumps(fields, indent=2, separators=(",", " : ")).encode()


class Signer:
    """Signs as AWS does for one Region; its key is made when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def certificate(self) -> str:
        """What the signatures are checked with, PEM. AWS publishes one per Region."""
        return self._key_and_certificate()[1].public_bytes(Encoding.PEM).decode()

    def signature(self, content: bytes) -> bytes:
        """Base64 of the plain RSA signature, with SHA-256."""
        key, _ = self._key_and_certificate()
        signed = key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        return _lines(signed)

    def pkcs7(self, content: bytes) -> bytes:
        """PKCS #7 with the document inside, PEM without its first and last line."""
        key, certificate = self._key_and_certificate()
        signed = (
            pkcs7.PKCS7SignatureBuilder()
            .set_data(content)
            .add_signer(certificate, key, hashes.SHA256())
            .sign(
                Encoding.DER,
                [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities],
            )
        )
        return _lines(signed)

    def _key_and_certificate(self) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
        with self._lock:
            return self._made

    @cached_property
    def _made(self) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ec2spawner, local EC2"),
                x509.NameAttribute(NameOID.COMMON_NAME, "not AWS"),
            ]
        )
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=3650))
            .sign(key, hashes.SHA256())
        )
        return key, certificate


def _lines(raw: bytes) -> bytes:
    return "\n".join(textwrap.wrap(base64.b64encode(raw).decode(), 64)).encode()
