"""Whose a machine is that makes an image: who asked for it, and it is no server."""

import pytest

from ec2spawner.core.ids import owner_id
from ec2spawner.core.tags import BUILD_TAG, IMAGE_TAG, OWNER_TAG, READY_TAG, given_text
from ec2spawner.costs.ledger import Ledger
from ec2spawner.costs.runs import Kind, Run
from ec2spawner.costs.spent import Spent
from ec2spawner.hub.costs.whose import Whose
from ec2spawner.hub.database.records import Records

TAGS = {
    OWNER_TAG: owner_id("lab", "ada"),
    BUILD_TAG: "f" * 40,
    IMAGE_TAG: "hydro",
}


@pytest.fixture
def whose():
    return Whose("lab", Records(servers=frozenset({("ada", "")})))


def test_a_builder_is_on_the_ledger_of_who_asked(whose):
    who = whose.of("i-1", TAGS)
    assert (who.user, who.server, who.profile) == ("ada", "", "image hydro")
    assert whose.of("i-2", {BUILD_TAG: "f" * 40, IMAGE_TAG: "x"}).user == ""
    assert whose.of("i-3", {OWNER_TAG: TAGS[OWNER_TAG]}).profile == ""


def test_what_is_ready_is_nobodys_until_it_is_given_away(whose):
    ready = {READY_TAG: "kind"}
    assert whose.of("i-1", ready).user == "(ready)"
    given = {READY_TAG: given_text(100.0), OWNER_TAG: TAGS[OWNER_TAG]}
    assert whose.of("i-1", given).user == "ada"


def test_builds_of_a_user_are_counted_and_nothing_else(whose):
    ledger = Ledger()
    builder, server = whose.of("i-1", TAGS), whose.of(
        "i-2", {OWNER_TAG: TAGS[OWNER_TAG]}
    )
    for id, began, kind, who in (
        ("i-1", 100, Kind.MACHINE, builder),
        ("i-2", 200, Kind.MACHINE, builder),
        ("vol-1", 200, Kind.DISK, builder),
        ("i-3", 200, Kind.MACHINE, server),
    ):
        ledger._know(Run(id, began, kind, who=who))
    assert ledger.builds_of("ada", 0) == 2
    assert ledger.builds_of("ada", 150) == 1
    assert ledger.builds_of("bob", 0) == 0


def test_what_an_image_has_cost_is_its_users_and_no_servers(whose):
    ledger, who = Ledger(), whose.of("i-1", TAGS)
    month = {"usd": 3600.0, "ended": 200, "exact": True}
    ledger._know(Run("i-1", 100, Kind.MACHINE, who=who, **month))
    ledger._know(Run("vol-1", 100, Kind.DISK, size=730, who=who, **month))
    assert ledger.of_user("ada", 300).usd > 100
    assert ledger.of_server("ada", "", 300) == Spent()
