"""Whose a home is: nobody gets another's, however names are written."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ec2spawner.core.ids import kind_of_tag, owner_of
from ec2spawner.core.tags import HOME_TAG, MOVED_FROM_TAG
from ec2spawner.ec2.resources import Resource, ResourceKind
from ec2spawner.hub.database.records import HomeUse, Records
from ec2spawner.hub.owners import stale_owners

HUB = "hub-of-this-test"

# What escaping, folding or joining would make one of.
NAMES = st.text(max_size=12) | st.text("aA-._ \0ａаé\u0301/:@", max_size=4)
WHO = st.tuples(NAMES, NAMES)


def owners(who):
    user, server = who
    return {owner_of(HUB, user, server, "user"), owner_of(HUB, user, server, "server")}


@given(WHO, WHO)
@example(("a", "b-c"), ("a-b", "c"))
@example(("a-b", ""), ("a--b", ""))
@example(("a", ""), ("A", ""))
@example(("a.b", ""), ("a-b", ""))
@example(("admin", ""), ("аdmin", ""))  # the second begins with a Cyrillic letter
@example(("é", ""), ("e\u0301", ""))
@example(("a b", ""), ("a", "b"))
@example(("", "a"), ("a", ""))
def test_the_tags_of_two_users_never_meet(one, other):
    assume(one[0] != other[0])
    # No name that the Hub takes has a NUL in it; one that had could not be split
    # in another way either, as the parts of a tag are counted.
    assume("\0" not in "".join((*one, *other)))
    assert not owners(one) & owners(other)


@given(WHO)
def test_the_tags_of_one_user_tell_whose_the_home_is(who):
    assume("\0" not in "".join(who))
    for kind in ("user", "server"):
        tag = owner_of(HUB, *who, kind)
        assert kind_of_tag(HUB, *who, tag) == kind
        assert owner_of("another-hub", *who, kind) != tag


def home(id, tag, **more):
    tags = {HOME_TAG: tag}
    return Resource(id, ResourceKind.VOLUME, "available", home=True, tags=tags, **more)


def stale(resource, *uses):
    return stale_owners([resource], Records(homes={resource.id: uses}), HUB)


ALICES = owner_of(HUB, "alice", "", "user")
CAROLS = owner_of(HUB, "carol", "", "user")


def test_the_tag_follows_a_user_who_was_renamed():
    uses = (HomeUse("carol", "", "user"), HomeUse("carol", "two", "user"))
    assert stale(home("vol-1", ALICES), *uses) == {"vol-1": CAROLS}
    assert stale(home("vol-1", CAROLS), *uses) == {}


def test_the_tag_follows_a_server_that_was_renamed():
    old, new = (owner_of(HUB, "alice", name, "server") for name in ("old", "new"))
    use = HomeUse("alice", "new", "server")
    assert stale(home("vol-1", old), use) == {"vol-1": new}
    assert stale(home("vol-1", new), use) == {}


def test_the_tags_of_a_home_that_has_moved_follow_also_where_the_database_lags():
    tags = {HOME_TAG: ALICES, MOVED_FROM_TAG: "vol-1"}
    old = home("vol-1", ALICES)
    new = Resource("vol-2", ResourceKind.VOLUME, "available", home=True, tags=tags)
    copy = Resource(
        "vol-3",
        ResourceKind.VOLUME,
        "available",
        home=True,
        tags={MOVED_FROM_TAG: "vol-2 vol-1"},
    )
    for known in ("vol-1", "vol-2"):
        records = Records(homes={known: (HomeUse("carol", "", "user"),)})
        stale = stale_owners([old, new, copy], records, HUB)
        assert stale == {"vol-1": CAROLS, "vol-2": CAROLS}


@pytest.mark.parametrize(
    "resource, uses",
    [
        (home("vol-1", "of nobody"), ()),
        (home("vol-1", "of nobody"), (HomeUse("carol", "", ""),)),
        (
            home("vol-1", "of nobody"),
            (HomeUse("carol", "", "user"), HomeUse("dave", "", "user")),
        ),
        (home("vol-1", ALICES, discarded=True), (HomeUse("carol", "", "user"),)),
        (home("vol-1", ALICES, archived=True), (HomeUse("carol", "", "user"),)),
    ],
    ids=["no server", "kind unknown", "two owners", "discarded", "given up"],
)
def test_a_tag_stays_where_nobody_can_say_whose_the_home_is(resource, uses):
    assert stale(resource, *uses) == {}
