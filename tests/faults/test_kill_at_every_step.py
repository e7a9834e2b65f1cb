"""The Hub is killed (SIGKILL) at every step of a start and of a stop.

The steps are not written down here: a Hub that lives through a start and a stop tells
them, so a step that is added to the product is covered without a change.
"""

from __future__ import annotations

from dataclasses import asdict

import pytest

from .killable_hub import KillableHub


@pytest.fixture
async def mortal(make_quick_hub, ec2):
    hub = KillableHub(make_quick_hub, ec2)
    await hub.hub.start()
    return hub


@pytest.mark.slow
@pytest.mark.parametrize("what", ["start", "stop"])
async def test_a_hub_killed_at_any_step_leaves_one_machine_or_none(mortal, what):
    steps = await mortal.steps_of(what)
    calls = {s.name for s in steps if s.name.startswith("call: ")}
    commits = {s.name for s in steps if s.name.startswith("commit: ")}
    assert {"start": "call: RunInstances", "stop": "call: TerminateInstances"}[
        what
    ] in calls
    assert len(commits) >= 4
    assert {s.when for s in steps} == {"before", "after"}
    for step in steps:
        became = await mortal.die(what, **asdict(step))
        print(f"killed {step}: {became}", flush=True)


# What is decided by EC2's answer, and by a commit of ours. Every other moment is in the
# simulation, and above.
@pytest.mark.parametrize(
    "what, name, becomes",
    [
        ("start", "call: RunInstances", "adopted"),
        ("stop", "commit: UPDATE spawners keep", "gone"),
    ],
)
async def test_a_hub_killed_at_a_step_of_each_kind(mortal, what, name, becomes):
    assert await mortal.die(what, name=name, when="after") == becomes
