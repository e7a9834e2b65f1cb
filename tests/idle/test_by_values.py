"""No scene is stopped wrongly, and none is kept for longer than it should be."""

import pytest

from ec2spawner.claim.agent.work.idle.sampler import LOOK

from .scene import POLICY, Play, scenes

SCENES = scenes()
#: a machine is kept no longer than so many minutes beyond its time
INTERVAL = 1.0


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: f"{s['file']}: {s['scene']}")
def test_a_scene_ends_as_a_reasonable_colleague_would_end_it(scene):
    played = Play(scene).run()
    told = f"{scene['because']}; at its end the Hub says: {played.why}"
    if scene["stops"] is None:
        assert played.stopped is None, told
        return
    assert played.stopped is not None, told
    early, late = scene["stops"] - LOOK / 60, scene["stops"] + INTERVAL
    assert early <= played.stopped <= late, told
    # Whoever is stopped was warned, to the end and for long enough.
    warning = min(POLICY.idle_warning / 60, scene["stops"] / 2)
    last = [m for m in played.warned if m >= played.stopped - warning - INTERVAL]
    assert last[-1] - last[0] >= warning - INTERVAL, played.warned


def test_there_are_as_many_scenes_as_were_promised_and_each_is_one_of_its_kind():
    names = [scene["scene"] for scene in SCENES]
    assert len(names) == len(set(names)) >= 40
    kept = [scene for scene in SCENES if scene["stops"] is None]
    assert len(SCENES) / 4 < len(kept) < len(SCENES) * 3 / 4


def test_a_scene_says_nothing_that_is_not_understood():
    known = {"minutes", "people", "page", "kit", "activity", "keep", "silent"}
    known |= {"programs", "kernels", "cpu", "cpu_user", "network", "gpu"}
    known |= {"others", "unknown"}
    for scene in SCENES:
        assert scene["because"] and scene["lasts"]
        assert not {key for part in scene["lasts"] for key in part} - known
