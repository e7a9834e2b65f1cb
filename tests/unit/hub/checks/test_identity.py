"""Where claims cannot be checked is said before the Hub starts, or as it does."""

from types import SimpleNamespace

from ec2spawner import EC2Spawner
from ec2spawner.claim import identity
from ec2spawner.hub.checks.identity import mistakes, unchecked
from localec2.metadata.identity_document import Signer

HUB = SimpleNamespace(api_url="http://10.0.0.5:8081/hub/api")


def hub(**settings):
    return EC2Spawner(hub=HUB, **{"region": "us-west-2", **settings})


def test_of_what_can_be_checked_nothing_is_said():
    for mode in ("auto", "required", "off"):
        spawner = hub(claim_identity=mode)
        assert not [*mistakes(spawner), *unchecked(spawner)]
    new = hub(region="xx-new-1", claim_identity="off")
    assert not [*mistakes(new), *unchecked(new)]


def test_a_region_whose_key_nobody_knows_is_told_or_is_a_mistake():
    (text,) = unchecked(hub(region="xx-new-1"))
    assert "machines in xx-new-1 are answered without" in text
    (text,) = mistakes(hub(region="xx-new-1", claim_identity="required"))
    assert "identity_certificates['xx-new-1']" in text
    given = {"xx-new-1": Signer().certificate()}
    known = hub(region="xx-new-1", identity_certificates=given)
    assert not [*unchecked(known), *mistakes(known)]


def test_regions_of_profiles_count():
    profiles = [{"display_name": "A", "ec2spawner_override": {"region": "xx-new-1"}}]
    (text,) = unchecked(hub(profile_list=profiles))
    assert "xx-new-1" in text


def test_the_key_of_an_ec2_that_is_not_awss_is_missed_only_where_it_is_required():
    own = {"endpoint_url": "http://127.0.0.1:5000"}
    assert not list(unchecked(hub(**own)))
    assert list(mistakes(hub(**own, claim_identity="required")))


def test_what_reads_documents_is_an_extra(monkeypatch):
    monkeypatch.setattr(identity, "_cms", lambda: None)
    (text,) = unchecked(hub())
    assert "pip install 'ec2spawner[identity]'" in text
    (text,) = mistakes(hub(claim_identity="required"))
    assert "lacks asn1crypto" in text
    assert not list(mistakes(hub(claim_identity="off")))


def test_a_certificate_that_is_none_is_a_mistake():
    (text,) = mistakes(hub(identity_certificates={"us-west-2": "x"}))
    assert "identity_certificates['us-west-2'] is no certificate" in text
