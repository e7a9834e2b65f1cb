"""Software that is made from a repository says whether it is ready."""

import pytest

from ec2spawner.core.tags import READY, SOURCE_TAG, STATUS_TAG
from ec2spawner.ec2.images import ShelvedImage

from .form_of_sizes import card, form

URL = "https://example.org/lab/hydro"
MADE = 1_795_700_000.0  # 26 November 2026
DESCRIPTION = "hydro @ ba49126 (2020-05-16), Python 3.8, 34 packages"
IMAGES = {
    "Hydro": "repo:hydro",
    "Own": {
        "image": "ami-hydro",
        "ec2spawner_override": {"repository": f"{URL}@main"},
    },
    "Other": "ami-hydro",
}


def shelved(created_at=MADE, state="available", **more):
    tags = {STATUS_TAG: READY, SOURCE_TAG: URL}
    facts = {"label": "hydro", "description": DESCRIPTION, "tags": tags, **more}
    return ShelvedImage("ami-1", "name", state, created_at=created_at, **facts)


async def told(shelf, left=None, region="us-west-2"):
    """What is said of what is named, of what is from a repository, and of others."""
    known = {
        "shelf": lambda where: shelf if where == region else None,
        "building": lambda where, what: left if what in ("hydro", URL) else None,
    }
    page = await form(known=known, images=IMAGES)
    return [card(page, key)[0] for key in ("hydro", "own", "other")]


async def test_what_is_ready_says_what_is_in_it_and_since_when():
    older = shelved(MADE - 90_000, description="older")
    hydro, own, other = await told([older, shelved()])
    for text in (hydro, own):
        assert f"Ready: {DESCRIPTION}, made on 26 November 2026." in text
    assert other == "Other"


@pytest.mark.parametrize("shelf", [[], None, [shelved(state="pending")]])
async def test_what_is_being_built_says_how_long_that_takes(shelf):
    hydro, own, _ = await told(shelf, left=170.0)
    assert "It is being built: about 3 min left." in hydro
    assert "It is being built: about 3 min left." in own
    hydro, _, _ = await told(shelf, left=0.0)
    assert "It is being built." in hydro


@pytest.mark.parametrize(
    "shelf", [[], [shelved(tags={})], [shelved(label="x", tags={STATUS_TAG: READY})]]
)
async def test_what_is_not_there_says_who_builds_it(shelf):
    hydro, own, other = await told(shelf)
    assert "It needs a build: ask your hub's admin." in hydro
    assert "It is built when it is started first" in own
    assert other == "Other"


async def test_where_nobody_has_looked_nothing_is_said():
    assert await told(None) == ["Hydro", "Own", "Other"]
    assert await told([shelved()], region="eu-west-1") == ["Hydro", "Own", "Other"]


async def test_where_it_is_elsewhere_that_is_said():
    known = {
        "shelf": lambda region: [],
        "elsewhere": lambda region, image, owners: ["eu-west-1"],
    }
    page = await form(known=known, images=IMAGES)
    text, _ = card(page, "hydro")
    assert "The software is in eu-west-1 only." in text and "build" not in text
