"""Which identity documents count: those of EC2, of this machine, and of this start."""

import base64
import dataclasses
import json

import pytest
from asn1crypto import cms, core
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from ec2spawner.claim.identity import (
    Expected,
    NotItsDocument,
    check,
    public_key,
    published,
)
from localec2.metadata.identity_document import Signer

NOW = 1_700_000_000.0
MACHINE = {
    "accountId": "123456789012",
    "imageId": "ami-1",
    "instanceId": "i-1",
    "pendingTime": "2023-11-14T22:12:50Z",  # half a minute before
    "region": "us-west-2",
}
EXPECTED = Expected("us-west-2", "i-1", "123456789012", "ami-1", NOW - 30)
EC2 = Signer()
ELSEWHERE = Signer()


def signed(signer=EC2, **other):
    return signer.pkcs7(json.dumps({**MACHINE, **other}).encode()).decode()


def told(document, expected=EXPECTED, now=NOW):
    """Why it does not count; empty when it does."""
    try:
        check(document, EC2.certificate(), expected, now)
    except NotItsDocument as e:
        return str(e)
    return ""


def message(document):
    return cms.ContentInfo.load(base64.b64decode(document))


def test_the_document_of_the_machine_counts():
    assert told(signed()) == ""


def test_it_counts_in_the_form_in_which_aws_sends_it():
    """BER with lengths that are not known ahead. A document of us-west-2 from 2021 was
    checked so by hand, with the certificate that is in this package."""
    content = message(signed())["content"]
    text = content["encap_content_info"]["content"].native

    def open_ended(tag, *parts):
        return bytes([tag, 0x80]) + b"".join(parts) + b"\0\0"

    inner = open_ended(
        0x30,
        content["version"].dump(),
        content["digest_algorithms"].dump(),
        open_ended(
            0x30,
            cms.ContentType("data").dump(),
            open_ended(
                0xA0,
                open_ended(0x24, b"\x04\x82", len(text).to_bytes(2, "big"), text),
            ),
        ),
        content["signer_infos"].dump(),
    )
    whole = open_ended(
        0x30, cms.ContentType("signed_data").dump(), open_ended(0xA0, inner)
    )
    assert told(base64.b64encode(whole).decode()) == ""


@pytest.mark.parametrize(
    "name, other",
    [
        ("instanceId", "i-2"),  # a neighbour's
        ("accountId", "999999999999"),
        ("imageId", "ami-2"),
        ("region", "eu-west-1"),
    ],
)
def test_that_of_another_machine_does_not(name, other):
    assert f"has {name} {other!r} where EC2 has told" in told(signed(**{name: other}))
    missing = {**MACHINE}
    del missing[name]
    document = EC2.pkcs7(json.dumps(missing).encode()).decode()
    assert f"has {name} None" in told(document)


def test_that_of_an_earlier_start_does_not():
    assert told(signed(), dataclasses.replace(EXPECTED, since=NOW - 300)) == ""
    later = dataclasses.replace(EXPECTED, since=NOW + 3600)
    assert "and not of this start" in told(signed(), later, NOW + 3700)
    assert "and not of this start" in told(signed(pendingTime="soon"))
    assert "and not of this start" in told(signed(pendingTime="2033-11-14T22:12:50Z"))


def test_one_that_another_regions_key_has_signed_does_not():
    assert "not signed with the region's key" in told(signed(ELSEWHERE))


def test_one_whose_text_was_changed_does_not():
    forged = message(signed(instanceId="i-2"))
    text = json.dumps(MACHINE).encode()
    forged["content"]["encap_content_info"]["content"] = core.OctetString(text)
    assert "is not what was signed" in told(base64.b64encode(forged.dump()).decode())


def test_one_whose_attributes_were_changed_does_not():
    other = message(signed(instanceId="i-2"))
    mine = message(signed())
    other["content"]["signer_infos"][0]["signature"] = mine["content"]["signer_infos"][
        0
    ]["signature"].native
    document = base64.b64encode(other.dump()).decode()
    assert "not signed with the region's key" in told(document)


def test_one_without_attributes_or_with_two_signers_does_not():
    bare = message(signed())
    del bare["content"]["signer_infos"][0]["signed_attrs"]
    two = message(signed())
    (signer,) = two["content"]["signer_infos"]
    two["content"]["signer_infos"].append(signer.copy())
    for each in (bare, two):
        document = base64.b64encode(each.dump(force=True)).decode()
        assert told(document) == "its identity document cannot be read"


def test_a_certificate_that_a_message_brings_counts_for_nothing():
    """The strangers' own: ours is pinned."""
    theirs = message(signed(ELSEWHERE))
    assert list(theirs["content"]["certificates"])
    assert "not signed with the region's key" in told(signed(ELSEWHERE))


@pytest.mark.parametrize(
    "text", ["", "x", "MIIB", "é", "A" * 60_000, "MIAG" * 5_000, "[" * 9_000]
)
def test_what_is_none_does_not(text):
    assert told(text).startswith(
        ("its identity document cannot be read", "it has sent no identity document")
    )


@pytest.mark.parametrize("text", [b"[]", b"{", b"1", b"\xff", b"[" * 100_000])
def test_a_text_that_is_no_object_does_not_though_it_is_signed(text):
    assert "is no" in told(EC2.pkcs7(text).decode())


GOOD = base64.b64decode(signed())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=3))
def test_whatever_bytes_are_changed_nothing_but_a_refusal_comes_of_it(at, bytes_):
    changed = GOOD[:at] + bytes_ + GOOD[at + len(bytes_) :]
    why = told(base64.b64encode(changed).decode())
    assert isinstance(why, str)


def test_the_certificates_of_aws_are_each_of_one_region_and_rsa_of_2048_bits():
    keys = {region: public_key(pem) for region, pem in published().items()}
    assert len(keys) == 39 and {"us-east-1", "eu-central-1", "cn-north-1"} < keys.keys()
    assert {key.key_size for key in keys.values()} == {2048}
    assert len({key.public_numbers().n for key in keys.values()}) == len(keys)
    names = {
        x509.load_pem_x509_certificate(pem.encode()).subject.rfc4514_string()
        for pem in published().values()
    }
    assert names == {"O=Amazon Web Services LLC,L=Seattle,ST=Washington State,C=US"}
