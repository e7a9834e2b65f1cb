"""Scenes on real machines: who computes is kept, and who has left is stopped.

Each has a machine of its own that boots, with a JupyterLab, and a hub that judges it;
idle times are a minute in place of an hour. ``SCENES=ssh,vim`` plays some of them.
"""

import asyncio
import contextlib
import os
import re
import time

import pytest
from sqlalchemy import text

from ec2spawner.hub.database.own import own_engine
from ec2spawner.hub.database.uses import Uses
from tests.machine.conftest import why_not

from .image import image_of_scenes
from .report import INTERVAL, Outcome, report
from .scenes import background, kernels, people, terminals, unseen  # noqa: F401
from .script import IDLE, KEEP, KEEP_LIMIT, PROFILES, SCENES
from .stage import Stage

#: scenes side by side, and how many of them begin at the same time
STAGES, STARTS = int(os.environ.get("STAGES", "10")), 2
SETTINGS = {
    "idle_warning": IDLE / 2,
    "keep_seconds": KEEP,
    "keep_limit": KEEP_LIMIT,
    # So often only here: an idle time of a minute needs reports of seconds.
    "environment": {"JUPYTERHUB_ACTIVITY_INTERVAL": "2"},
    "default_url": "/lab",
    "profile_list": [
        {
            "display_name": name,
            "slug": name,
            "ec2spawner_override": {"instance_type": "t3.small", **more},
        }
        for name, more in PROFILES.items()
    ],
}


def chosen():
    names = os.environ.get("SCENES")
    wanted = set(names.split(",")) if names else {s.name for s in SCENES}
    return [scene for scene in SCENES if scene.name in wanted]


@pytest.mark.slow
@pytest.mark.machine
@pytest.mark.skipif(bool(why_not()), reason=why_not() or "machines can boot")
async def test_who_computes_is_kept_and_who_has_left_is_stopped(
    here, make_hub, ec2, browser, tmp_path
):
    image = await asyncio.to_thread(image_of_scenes, here, tmp_path / "image")
    settings = {**SETTINGS, "image": image}
    hub = make_hub(idle_timeout=int(IDLE), settings=settings, patience=300)
    await hub.start()
    stages, starts = asyncio.Semaphore(STAGES), asyncio.Semaphore(STARTS)

    async def play(scene):
        async with stages, contextlib.AsyncExitStack() as stack:
            stage = Stage(scene.name, hub, ec2, browser, stack)
            try:
                async with starts:
                    await stage.begin(scene.profile)
                await asyncio.wait_for(enact(stage, scene), 240)
                outcome = await seen(stage, scene, time.time())
            except Exception as e:
                outcome = Outcome(scene, failed=f"{type(e).__name__}: {e}"[:600])
            print(report([outcome]).splitlines()[0], flush=True)
            if await stage.is_there():
                await hub.stop_server(scene.name)
            return outcome

    outcomes = await asyncio.gather(*map(play, chosen()))
    print(report(outcomes))
    assert {each.verdict for each in outcomes} == {"right"}, report(outcomes)
    wrong = [o for o in outcomes if not re.search(o.scene.keeps, o.why)]
    assert not wrong, report(wrong)
    limits = {o.limit for o in outcomes if o.limit != o.scene.limit and o.limit}
    assert not limits, report(outcomes)


async def enact(stage, scene):
    for act in scene.acts:
        await act(stage)


async def seen(stage, scene, left):
    """How it goes on when everybody has left."""
    end = left + (IDLE if scene.keeps else scene.after) + INTERVAL + 15
    while time.time() < end and await stage.is_there():
        await asyncio.sleep(1)
    if not await stage.is_there():
        await stage.hub.wait_gone(stage.name)
        last = stage.last_stop
        assert last is not None, "somebody else has stopped it"
        return Outcome(scene, last.at - left, scene.what, last.limit)
    machine = stage.hub.remembers(stage.name).current.instance_id
    note = noted(stage.hub).get(machine)
    return Outcome(scene, None, note.why if note else "")


def noted(hub):
    """What ``ec2spawner why`` would read."""
    engine = own_engine(f"sqlite:///{hub.folder / 'jupyterhub.sqlite'}", {})
    with engine.connect() as connection:
        row = connection.execute(text("select hub_id from ec2spawner_uses")).first()
    return Uses(engine, row.hub_id).read()[0] if row else {}


def test_there_are_as_many_scenes_as_were_promised_and_each_is_one_of_its_kind():
    names = [scene.name for scene in SCENES]
    assert len(names) == len(set(names)) >= 40
    assert sorted(scene.letter for scene in SCENES if scene.letter) == list("ABCDEFG")
    kept = [scene for scene in SCENES if scene.keeps]
    assert len(SCENES) / 4 < len(kept) < len(SCENES) * 3 / 4
