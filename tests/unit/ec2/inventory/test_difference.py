"""Whatever a page is, reading it by difference gives what boto3's own reading gives."""

from dataclasses import asdict

import boto3
import pytest
from botocore import parsers
from hypothesis import example, given
from hypothesis import strategies as st

from ec2spawner.ec2.inventory import difference
from ec2spawner.ec2.inventory.difference import MACHINES, Difference, cut
from ec2spawner.ec2.machines import read_reservations

INSTANCE = """
                <item>
                    <instanceId>{id}</instanceId>
                    <instanceState><code>16</code><name>{state}</name></instanceState>
                    <launchTime>2026-11-01T08:00:00.000Z</launchTime>
                    <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName>
                    <ebs><volumeId>vol-{id}</volumeId></ebs></item></blockDeviceMapping>
                    <tagSet>
                        <item><key>ec2spawner:launch</key><value>{tag}</value></item>
                        <item><key>ec2spawner:lease</key><value/></item>
                    </tagSet>
                </item>"""
RESERVATION = """
        <item>
            <reservationId>r-{ids}</reservationId>
            <ownerId>123456789012</ownerId>
            <groupSet/>
            <instancesSet>{instances}
            </instancesSet>
        </item>"""
PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>8f7724cf-496f-496e-8fe3-example</requestId>
    <reservationSet>{reservations}
    </reservationSet>{token}
</DescribeInstancesResponse>
"""


def page(*reservations, token="", dense=False):
    """:param reservations: of each the (id, state, tag) of its instances"""
    items = "".join(
        RESERVATION.format(
            ids="-".join(id for id, *_ in each),
            instances="".join(
                INSTANCE.format(id=id, state=state, tag=tag) for id, state, tag in each
            ),
        )
        for each in reservations
    )
    text = PAGE.format(reservations=items, token=token)
    return ("".join(map(str.strip, text.splitlines())) if dense else text).encode()


@pytest.fixture(scope="module")
def model():
    client = boto3.client(
        "ec2", "us-west-2", aws_access_key_id="any", aws_secret_access_key="any"
    )
    return client.meta.service_model.operation_model("DescribeInstances")


def parse(model, body, status=200):
    response = {"body": body, "status_code": status, "headers": {}}
    return parsers.create_parser("ec2").parse(response, model.output_shape)


def read(reader, model, body, status=200):
    """What a page comes to, as botocore's endpoint goes about it."""
    response = {"body": body, "status_code": status, "headers": {}}
    more = {}
    reader.read(model, response, more)
    return {**parse(model, response["body"], status), **more}


def told(machines):
    """With what two machines may differ in and be equal: tags, volumes, root device."""
    return [asdict(each) for each in machines]


def by_boto3(model, body):
    return told(read_reservations(parse(model, body)["Reservations"]))


NAMES = st.sampled_from(["i-1", "i-2", "i-3", "i-4"])
WORDS = st.text(st.sampled_from("ab;&lt"), max_size=4).map(
    lambda text: text.replace("&", "&amp;")
)
INSTANCES = st.tuples(NAMES, st.sampled_from(["pending", "running"]), WORDS)
RESERVATIONS = st.lists(INSTANCES, min_size=1, max_size=3)
LISTINGS = st.lists(st.lists(RESERVATIONS, max_size=6), min_size=1, max_size=4)


@example([[[("i-1", "running", "a")]], [[("i-1", "running", "b")]]], False)
@example([[[("i-1", "running", "a")]] * 3], True)
@given(LISTINGS, st.booleans())
def test_listing_after_listing_it_gives_what_boto3_gives(model, listings, dense):
    reader = Difference()
    for reservations in listings:
        body = page(*reservations, dense=dense)
        reader.begin()
        answer = read(reader, model, body)
        reader.end()
        assert (MACHINES in answer) == bool(reservations)
        if reservations:
            assert answer["Reservations"] == []
            assert told(answer[MACHINES]) == by_boto3(model, body)


def test_boto3_still_reads_what_else_is_on_a_page(model):
    body = page([("i-1", "running", "a")], token="<nextToken>next</nextToken>")
    answer = read(Difference(), model, body)
    assert answer["NextToken"] == "next"
    assert answer["ResponseMetadata"]["RequestId"].endswith("example")


@pytest.fixture
def parsed(monkeypatch):
    """The ids of all reservations that were read, in order."""
    found = []
    read_reservations = difference.read_reservations

    def spy(reservations):
        found.extend(r["ReservationId"] for r in reservations)
        return read_reservations(reservations)

    monkeypatch.setattr(difference, "read_reservations", spy)
    return found


def test_only_what_has_changed_is_read_again(model, parsed):
    reader = Difference()
    machines = [[(f"i-{n}", "running", "a")] for n in range(40)]
    for body in (page(*machines), page(*machines, dense=True), page(*machines)):
        reader.begin()
        read(reader, model, body)
        reader.end()
    # Other white space is another text, and two machines of a page have the same.
    assert len(parsed) == 120
    parsed.clear()
    machines[7] = [("i-7", "terminated", "a")]
    machines.append([("i-new", "pending", "a")])
    reader.begin()
    answer = read(reader, model, page(*machines))
    assert parsed == ["r-i-7", "r-i-new"]
    assert answer[MACHINES][7].gone and answer[MACHINES][40].id == "i-new"


def test_what_is_listed_no_more_is_forgotten(model, parsed):
    reader = Difference()
    for body in (
        page([("i-1", "running", "a")]),
        page([("i-2", "running", "a")]),
        page([("i-1", "running", "a")]),
    ):
        reader.begin()
        read(reader, model, body)
        reader.end()
    assert parsed == ["r-i-1", "r-i-2", "r-i-1"]


def test_a_listing_that_ends_half_way_forgets_nothing(model, parsed):
    reader, body = Difference(), page([("i-1", "running", "a")])
    for _ in range(3):
        reader.begin()
        read(reader, model, body)
    assert parsed == ["r-i-1"]


ONE = page([("i-1", "running", "a")])
UNCLEAN = {
    "other first": ONE.replace(b"reservationId>", b"id>").replace(
        b"<ownerId>", b"<reservationId>r-1</reservationId><ownerId>"
    ),
    "a comment between": page(*[[("i-1", "running", "a")]] * 2).replace(
        b"</item>\n        <item>", b"</item><!-- --><item>"
    ),
    "an id within": ONE.replace(b"<groupSet/>", b"<reservationId>r</reservationId>"),
    "no machine": page(),
    "half a page": ONE[: len(ONE) // 2],
    "somebody's page": b"<html><body>Sorry</body></html>",
    "nothing": b"",
}


@pytest.mark.parametrize("body", UNCLEAN.values(), ids=UNCLEAN)
def test_a_page_that_does_not_cut_cleanly_is_left_as_it_is(model, body):
    response = {"body": body, "status_code": 200, "headers": {}}
    more = {}
    Difference().read(model, response, more)
    assert (response["body"], more) == (body, {})


def test_a_page_that_cuts_and_is_no_xml_is_left_for_boto3_to_refuse(model):
    broken = page([("i-1", "running", "a")], [("i-2", "running", "b")]).replace(
        b"<groupSet/>", b"<groupSet>"
    )
    assert cut(broken) is not None
    with pytest.raises(parsers.ResponseParserError):
        read(Difference(), model, broken)


def test_a_refusal_is_left_as_it_is(model):
    response = {"body": ONE, "status_code": 503, "headers": {}}
    more = {}
    Difference().read(model, response, more)
    assert (response["body"], more) == (ONE, {})
