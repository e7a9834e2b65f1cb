"""The shelf: what is one image, who needs it, what goes, what is copied and shared."""

from dataclasses import replace

import pytest

from ec2spawner.core.tags import (
    IMAGE_TAG,
    KEEP_TAG,
    KEY_TAG,
    READY,
    SAVED_TAG,
    SECRETS_TAG,
    STATUS_TAG,
)
from ec2spawner.ec2.images import ShelvedImage
from ec2spawner.ec2.machines import Machine
from ec2spawner.images.shelf import (
    copy_step,
    lacking,
    meant_by,
    named,
    prune,
    uses,
    versions,
    why_not_shared,
)

DAY = 86400.0
NOW = 1_000 * DAY


def image(id, label="hydro", key="k1", age=200.0, state="available", **tags):
    """One that was made ``age`` days ago."""
    names = {IMAGE_TAG: label, KEY_TAG: key, STATUS_TAG: READY}
    return ShelvedImage(
        id=id,
        name=f"ec2spawner/{label}/{key}",
        state=state,
        label=label,
        key=key,
        created_at=NOW - age * DAY,
        size=8,
        snapshots=(f"snap-of-{id}",),
        tags={**names, **{k.replace("_", ":"): v for k, v in tags.items()}},
    )


def with_tags(made, tags):
    return replace(made, tags={**made.tags, **tags})


def pruned(images, used_by=None, keep_last=1, unused_for=90 * DAY):
    found = prune("here", images, used_by or {}, keep_last, unused_for, NOW)
    return {each.image.id: each.why for each in found if each.go}


def test_what_has_the_same_key_is_one_version_with_a_state_in_each_region():
    west = [image("a"), image("b", key="k2", age=3)]
    pending = image("c", age=1, state="pending")
    shelf = versions({"us-west-2": west, "eu-west-1": [pending]})
    assert [(v.label, v.key) for v in shelf] == [("hydro", "k2"), ("hydro", "k1")]
    states = [(copy.region, copy.status) for copy in shelf[1].copies]
    assert states == [("us-west-2", "ready"), ("eu-west-1", "pending")]
    # It is as old as the first one: a copy is not a new version.
    assert shelf[1].created_at == NOW - 200 * DAY


def test_images_without_a_key_are_not_taken_for_each_other():
    shelf = versions({"here": [image("a", key=""), image("b", key="")]})
    assert len(shelf) == 2


def test_a_name_means_its_versions_and_with_a_key_one_of_them():
    shelf = versions({"here": [image("a"), image("b", key="k2", age=3)]})
    assert [v.key for v in named(shelf, "hydro")] == ["k2", "k1"]
    assert [v.key for v in named(shelf, "hydro@k1")] == ["k1"]
    assert [v.key for v in named(shelf, "b")] == ["k2"]
    assert named(shelf, "hyd") == []


def test_a_repository_means_the_newest_that_is_ready():
    untested = with_tags(image("c", age=1), {STATUS_TAG: "testing"})
    images = [image("a"), image("b", age=3), image("d", age=2, state="pending")]
    assert meant_by("repo:hydro", [*images, untested])[0].id == "b"
    assert meant_by("repo:other", images) == []
    assert meant_by("name:ec2spawner/hyd*", images)[0].id == "b"
    assert meant_by("a", images)[0].id == "a"


def test_machines_that_are_stopped_and_the_configuration_need_an_image():
    images = [image("a"), image("b", age=3), image("c", age=400)]
    machines = [
        Machine("i-1", "stopped", image_id="a"),
        Machine("i-2", "running", image_id="a"),
        Machine("i-3", "terminated", image_id="c"),
        Machine("i-4", "shutting-down", image_id="c"),
        Machine("i-5", "running", image_id="of somebody else"),
    ]
    found = uses(images, machines, {"repo:hydro", "repo:none"})
    assert found == {
        "a": ["i-1 (stopped)", "i-2 (running)"],
        "b": ["the configuration (repo:hydro)"],
        "c": [],
    }


def test_old_images_go_that_nobody_needs():
    assert pruned([image("new", age=100), image("old")]) == {"old": "nobody uses it"}


@pytest.mark.parametrize(
    ("stays", "why"),
    [
        ({}, {"used_by": {"old": ["i-1 (stopped)"]}}),
        ({}, {"keep_last": 2}),
        ({}, {"unused_for": 201 * DAY}),
        ({"state": "pending"}, {}),
        ({"ec2spawner_keep": "True"}, {}),
    ],
)
def test_what_stays(stays, why):
    assert KEEP_TAG == "ec2spawner:keep"
    old = image("old", **stays)
    assert pruned([image("new", age=100), old], **why) == {}


def test_what_was_launched_lately_stays():
    old = replace(image("old"), launched_at=NOW - 10 * DAY)
    assert pruned([image("new", age=100), old]) == {}


def test_the_newest_that_is_ready_stays_not_one_that_has_failed():
    failed = image("failed", age=2, state="failed")
    untested = with_tags(image("untested", age=1), {STATUS_TAG: "testing"})
    gone = pruned([failed, untested, image("only one", age=300)])
    assert gone == {"failed": "EC2 could not make it (failed)"}
    assert pruned([image("failed today", age=0.5, state="failed")]) == {}


def test_each_name_keeps_its_own_newest():
    images = [image("a"), image("b", label="ocean"), image("c", label="ocean", age=300)]
    assert set(pruned(images)) == {"c"}


def test_a_copy_is_asked_for_once_and_followed():
    source, west = image("a"), "eu-west-1"
    first = copy_step(source, west, [image("other", key="k2")])
    assert first.copy and len(first.copy) <= 64 and not first.done
    assert copy_step(source, west, []) == first
    assert copy_step(source, "eu-central-1", []).copy != first.copy
    pending = copy_step(source, west, [image("b", state="pending")])
    assert (pending.copy, pending.done) == ("", False)
    assert copy_step(source, west, [image("b")]).done


@pytest.mark.parametrize("status", ["testing", "failed", "raw"])
def test_what_is_never_offered_goes_after_a_day(status):
    tag = {"ec2spawner:status": status}
    old, new = image("old", age=2, **tag), image("new", age=0.5, **tag)
    assert list(pruned([old, new])) == ["old"]


def test_a_copy_that_has_failed_is_replaced_by_another_one():
    source, failed = image("a"), image("b", state="failed")
    first = copy_step(source, "eu-west-1", [])
    again = copy_step(source, "eu-west-1", [failed])
    # The first token would give the image that has failed.
    assert again.copy not in ("", first.copy) and again.discard == (failed,)
    assert copy_step(source, "eu-west-1", [failed, image("c")]).done


def test_without_a_key_no_image_is_taken_for_a_copy():
    assert copy_step(image("a", key=""), "eu-west-1", [image("b", key="")]).copy


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({}, ""),
        ({STATUS_TAG: "testing"}, "it has not passed its tests"),
        ({SECRETS_TAG: "3"}, "it holds what looks like secrets (3 places)"),
        ({SAVED_TAG: "alice", SECRETS_TAG: "0"}, ""),
        (
            {SAVED_TAG: "alice"},
            "it was made of somebody's machine, and not searched for secrets",
        ),
    ],
)
def test_what_is_untested_or_holds_secrets_is_not_shared(tags, why):
    assert why_not_shared(with_tags(image("a"), tags)) == why


def test_what_nobody_else_could_use_is_not_shared():
    assert why_not_shared(image("a", state="pending")) == "it is pending"
    assert "encrypted" in why_not_shared(replace(image("a"), encrypted=True))


def test_where_an_image_is_though_not_here():
    shelf = versions({"us-west-2": [image("a")], "eu-west-1": [], "x": []})
    assert lacking(shelf, "hydro", "eu-west-1") == {"us-west-2"}
    assert lacking(shelf, "hydro", "us-west-2") == set()
    assert lacking(shelf, "other", "eu-west-1") == set()
