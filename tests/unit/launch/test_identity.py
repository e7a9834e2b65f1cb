"""Where machines must show their identity document, and what it is compared with."""

import json
import time

import pytest

from ec2spawner import EC2Spawner
from ec2spawner.claim import identity
from ec2spawner.core.state import Launch
from ec2spawner.ec2.machines import Machine
from ec2spawner.launch.identity import certificate_of, is_checked, why_not_its
from localec2.metadata.identity_document import Signer

HERE, THERE = Signer(), Signer()
OWN = {"us-west-2": HERE.certificate(), "eu-west-1": THERE.certificate()}
LAUNCH = Launch("s", "l", region="us-west-2", instance_id="i-1", image_id="ami-1")
SHOWN = Machine("i-1", "running", image_id="ami-1", account="123456789012")


def hub(**settings):
    return EC2Spawner(region="us-west-2", **settings)


def signed(signer=HERE, **other):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    document = {
        "region": "us-west-2",
        "instanceId": "i-1",
        "imageId": "ami-1",
        "accountId": "123456789012",
        "pendingTime": now,
    }
    return signer.pkcs7(json.dumps({**document, **other}).encode()).decode()


def why(document, shown=SHOWN, launch=LAUNCH, **settings):
    asked = {"identity_certificates": OWN, **settings}
    return why_not_its(hub(**asked), launch, shown, document)


def test_by_itself_a_hub_checks_where_aws_has_published_its_key():
    assert is_checked(hub(), "us-west-2")
    assert not is_checked(hub(), "xx-new-1")
    assert is_checked(
        hub(identity_certificates={"xx-new-1": OWN["us-west-2"]}), "xx-new-1"
    )
    assert not is_checked(hub(claim_identity="off"), "us-west-2")
    assert is_checked(hub(claim_identity="required"), "xx-new-1")


@pytest.mark.parametrize(
    "url, is_awss",
    [
        ("", True),
        ("https://vpce-0a.ec2.us-west-2.vpce.amazonaws.com", True),
        ("https://ec2.us-west-2.api.aws", True),
        ("http://127.0.0.1:5000", False),
        ("https://ec2.us-west-2.amazonaws.com.evil.example", False),
    ],
)
def test_aws_keys_are_for_aws_machines(url, is_awss):
    assert bool(certificate_of(hub(endpoint_url=url), "us-west-2")) is is_awss


def test_without_what_reads_documents_auto_checks_nothing_and_required_lets_nobody_in(
    monkeypatch,
):
    monkeypatch.setattr(identity, "_cms", lambda: None)
    assert why("") == ""
    assert "nothing is here to check" in why(signed(), claim_identity="required")


def test_a_claim_must_show_what_ec2_has_told_of_the_machine():
    assert why(signed()) == ""
    assert "sent no identity document" in why("")
    assert "has accountId '9'" in why(signed(accountId="9"))
    # As long as EC2 shows the machine to nobody, what the launch remembers counts.
    assert why(signed(accountId="9"), shown=None) == ""
    assert "has imageId 'ami-2'" in why(signed(imageId="ami-2"), shown=None)


def test_the_key_is_that_of_the_launchs_region():
    assert "not signed with the region's key" in why(signed(THERE))
    elsewhere = Launch("s", "l", region="eu-west-1", instance_id="i-1")
    assert "has region 'us-west-2'" in why(signed(THERE), None, elsewhere)
    assert why(signed(THERE, region="eu-west-1"), None, elsewhere) == ""


def test_one_of_before_the_machines_last_start_is_stale():
    began = Machine("i-1", "running", launched_at=time.time() + 400)
    assert "and not of this start" in why(signed(), began)
