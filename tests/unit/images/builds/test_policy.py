"""What a build needs next: a table of all that EC2 may show of it."""

from __future__ import annotations

import pytest

from ec2spawner.core.tags import BUILD_TAG
from ec2spawner.ec2.images import ShelvedImage
from ec2spawner.ec2.machines import Machine
from ec2spawner.images.builds.console import Progress, Said
from ec2spawner.images.builds.policy import Do, builders_of, next_step

AT_WORK = Progress((Said("begin", 0), Said("install", 40)))
DONE = Progress((*AT_WORK.said, Said("done", 90)))
FAILED = Progress((*AT_WORK.said, Said("failed", 90, "numpy cannot be imported")))


def builder(state: str) -> Machine:
    return Machine("i-1", state)


def image(state: str) -> ShelvedImage:
    return ShelvedImage("ami-1", "ec2spawner/small/0123", state)


@pytest.mark.parametrize(
    "image_state, builder_state, progress, do",
    [
        ("", "", AT_WORK, Do.LAUNCH),
        ("", "terminated", AT_WORK, Do.LAUNCH),
        ("", "pending", Progress(), Do.WAIT),
        ("", "running", AT_WORK, Do.WAIT),
        ("", "running", DONE, Do.STOP),
        ("", "stopping", DONE, Do.WAIT),
        ("", "stopped", DONE, Do.SAVE),
        # What is half made must never be on offer.
        ("", "stopped", AT_WORK, Do.FAIL),
        ("", "stopped", Progress(), Do.FAIL),
        ("", "running", FAILED, Do.FAIL),
        ("", "stopped", FAILED, Do.FAIL),
        ("pending", "stopped", DONE, Do.WAIT),
        ("pending", "", DONE, Do.WAIT),
        ("failed", "stopped", DONE, Do.DISCARD),
        ("available", "stopped", DONE, Do.TIDY),
        ("available", "running", AT_WORK, Do.TIDY),
        ("available", "terminated", DONE, Do.READY),
        ("available", "", Progress(), Do.READY),
    ],
)
def test_the_next_step_follows_from_what_ec2_has(
    image_state, builder_state, progress, do
):
    there = [builder(builder_state)] if builder_state else []
    step = next_step(image(image_state) if image_state else None, there, progress)
    assert step.do is do
    needs_a_builder = {Do.STOP, Do.SAVE, Do.TIDY, Do.FAIL}
    assert (step.machine is not None) == (
        do in needs_a_builder or (do is Do.WAIT and not image_state)
    )


def test_who_stopped_a_builder_too_early_is_told_that_somebody_did():
    assert "somebody has stopped" in next_step(None, [builder("stopped")], AT_WORK).why
    assert next_step(None, [builder("running")], FAILED).why == (
        "numpy cannot be imported"
    )


def test_of_two_builders_of_one_key_the_older_counts_and_others_are_not_ours():
    def of(id: str, at: float, key: str) -> Machine:
        return Machine(id, "running", launched_at=at, tags={BUILD_TAG: key})

    found = [of("i-2", 20, "k"), of("i-3", 1, "other"), of("i-1", 10, "k")]
    assert [each.id for each in builders_of(found, "k")] == ["i-1", "i-2"]
