"""The signed identity document, and other things that EC2 announces on a machine."""

import base64
import json
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from .test_machines import IDLE, TOKEN, TTL, ask, boot

IDENTITY = "dynamic/instance-identity/"


@pytest.fixture
def machine(cloud, launch):
    """(the instance as RunInstances tells, what its metadata service answers)."""
    made, info = boot(cloud, launch, IDLE)
    base = f"{info.metadata_url}/latest/"
    token = ask(base + "api/token", "PUT", **{TTL: "60"})[1].decode()

    def get(path):
        status, body = ask(base + path, **{TOKEN: token})
        return body if status == 200 else status

    return made, get


@pytest.mark.proves("imds-identity")
def test_the_document_says_who_the_machine_is(machine, world):
    made, get = machine
    document = json.loads(get(IDENTITY + "document"))
    assert document.pop("pendingTime") == made["LaunchTime"].strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    assert {name: value for name, value in document.items() if value is not None} == {
        "accountId": "123456789012",
        "architecture": "x86_64",
        "availabilityZone": world.zones[0],
        "imageId": world.image_id,
        "instanceId": made["InstanceId"],
        "instanceType": "m5.large",
        "privateIp": made["PrivateIpAddress"],
        "region": "us-west-2",
        "version": "2017-09-30",
    }


@pytest.mark.proves("imds-identity")
def test_its_signature_is_of_this_cloud_and_of_these_bytes(machine, cloud):
    _, get = machine
    document = get(IDENTITY + "document")
    signature = base64.b64decode(get(IDENTITY + "signature"))
    certificate = cloud.control.identity_certificate().encode()
    key = x509.load_pem_x509_certificate(certificate).public_key()
    key.verify(signature, document, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        changed = document.replace(b"m5.large", b"p5.large")
        key.verify(signature, changed, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.proves("imds-identity")
@pytest.mark.parametrize("kind", ["pkcs7", "rsa2048"])
def test_openssl_verifies_it_as_aws_describes(machine, cloud, tmp_path, kind):
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-rsa2048.html"""
    _, get = machine
    pem = b"-----BEGIN PKCS7-----\n" + get(IDENTITY + kind) + b"\n-----END PKCS7-----\n"
    (tmp_path / "signed").write_bytes(pem)
    (tmp_path / "certificate").write_text(cloud.control.identity_certificate())
    done = subprocess.run(
        [
            *("openssl", "smime", "-verify", "-in", "signed", "-inform", "PEM"),
            *("-certfile", "certificate", "-nointern", "-noverify"),
        ],
        cwd=tmp_path,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == get(IDENTITY + "document")


@pytest.mark.proves("imds-identity", "rebalance")
def test_after_a_start_the_document_is_new_and_old_notices_are_gone(
    cloud, ec2, machine
):
    made, get = machine
    instance_id = made["InstanceId"]
    first = get(IDENTITY + "document")
    assert get("meta-data/events/recommendations/rebalance") == 404
    cloud.control.rebalance_notice(instance_id)
    notice = json.loads(get("meta-data/events/recommendations/rebalance"))
    assert notice["noticeTime"].endswith("Z")
    ec2.stop_instances(InstanceIds=[instance_id])
    cloud.control.wait_for_state(instance_id, "stopped")
    time.sleep(1)  # the document counts whole seconds
    ec2.start_instances(InstanceIds=[instance_id])
    cloud.control.wait_for_state(instance_id, "running")
    assert get("meta-data/events/recommendations/rebalance") == 404
    second = json.loads(get(IDENTITY + "document"))
    assert second["pendingTime"] > json.loads(first)["pendingTime"]
    assert second["instanceId"] == instance_id
