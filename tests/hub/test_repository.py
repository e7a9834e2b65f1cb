"""From a repository on the form to a server of its image, through a real Hub.

The plan is given, and the builder only says that it is done. That there are a kernel
and packages is for tests/machine/test_build.py.
"""

import asyncio
import sqlite3

import pytest

from ec2spawner.core.tags import BUILD_TAG, KEY_TAG, OWNER_TAG
from ec2spawner.demo.visitor import SpawnFailed, Visitor

from .conftest import eventually, living

URL = "https://example.org/lab/hydro"
RIVER = "https://example.org/lab/river"
SETTINGS = {
    "profile_list": [],
    "sizes": {"Small": "t3.small"},
    "home": "none",
    "build_sources": ["https://example.org/lab/*"],
    "build_instance_type": "t3.small",
    "max_builds": 1,
}
# The Hub does not wait for a start before it answers who asks for it.
AT_ONCE = {"tornado_settings": {"slow_spawn_timeout": 0}}
# What the builder says is in files that the test writes.
CODE = """
import asyncio, base64
from functools import partial
from pathlib import Path
from ec2spawner.core.tags import HUB_TAG, IMAGE_TAG, KEY_TAG, STATUS_TAG, READY
from ec2spawner.fleet.builds import Builds
from ec2spawner.fleet.runtime import runtime
from ec2spawner.images.builds.driver import Driver
from ec2spawner.images.builds.planned import Planned
from ec2spawner.images.errors import ImageError

SAYS = Path.cwd()
BUILDER = '''#!/bin/sh
n=0
while true; do
  [ -e %(file)s ] && cat %(file)s
  sleep 0.2
done
'''

async def plan(errand, seconds):
    name = errand.url.rsplit("/", 1)[1]
    if name == "bad":
        raise ImageError("no versions of the packages go together: a and b. Change one")
    key = (name.encode().hex() + "0" * 40)[:40]
    tags = {HUB_TAG: errand.hub_id, IMAGE_TAG: name, KEY_TAG: key, STATUS_TAG: READY}
    script = BUILDER % {"file": SAYS / name}
    data = base64.b64encode(script.encode()).decode()
    return Planned(name, key, f"ec2spawner/{name}/{key[:12]}", name, tags, data)

hub = runtime()
hub.builds = Builds(
    hub.fleets, hub.ledger.builds_of, plan=plan, follow=partial(Driver, pause=0.2)
)
"""


def key_of(name):
    return (name.encode().hex() + "0" * 40)[:40]


def says(hub, name, *words):
    """What the builder of a repository says from now on."""
    lines = [f"ec2spawner-build {key_of(name)[:12]} {word}\n" for word in words]
    (hub.folder / name).write_text("".join(lines))


@pytest.fixture
async def hub(make_quick_hub, ec2):
    made = make_quick_hub(settings=SETTINGS, hub_settings=AT_ONCE, code=CODE)
    await made.start()
    return made


def wish(url=URL):
    return {"profile": "machine", "image--unlisted-choice": url}


async def test_two_who_want_the_same_repository_get_one_builder_and_its_image(hub, ec2):
    says(hub, "hydro", "begin 0", "install 3")
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        assert "From a repository" in await alice.form()
    for user in ("alice", "bob"):
        status, answer = await hub.start_server(user, options=wish())
        assert status == 202, answer
    eventually(lambda: len(ec2.requests("RunInstances")) == 1)
    await hub.wait_until(
        lambda: asyncio.sleep(0, hub.log.count("installing packages") >= 2),
        30,
        "both are told how far it is",
    )
    says(hub, "hydro", "begin 0", "install 3", "clean 5", "done 9")
    for user in ("alice", "bob"):
        await hub.wait_ready(user)
    launches = ec2.requests("RunInstances")
    assert len(launches) == 3
    (builder,) = [each for each in launches if BUILD_TAG in str(each)]
    assert OWNER_TAG in str(builder)
    assert len(ec2.requests("CreateImage")) == 1
    state = hub.remembers("alice")
    assert state.launch.image_id == hub.remembers("bob").launch.image_id != ""
    assert KEY_TAG in str(ec2.requests("CreateImage"))
    # The builder has ended, and is nobody's machine.
    eventually(lambda: len(living(ec2)) == 2)
    await hub.stop_server("alice")
    await hub.start_server("alice", options=wish())
    await hub.wait_ready("alice")
    assert len(ec2.requests("CreateImage")) == 1
    # It is on the ledger of who asked first, and on nobody else's.
    owners = await hub.wait_until(lambda: of_builders(hub), 30, "it is on the ledger")
    assert len(owners) == 1 and owners[0] in ("alice", "bob")


async def of_builders(hub):
    """Users that the ledger has builders of."""
    with sqlite3.connect(hub.folder / "jupyterhub.sqlite") as db:
        wanted = "kind = 'machine' and profile = 'image hydro'"
        rows = db.execute(f"select user_name from ec2spawner_runs where {wanted}")
        return [row[0] for row in rows if row[0]]


async def test_what_cannot_be_built_is_told_and_no_server_has_failed(
    make_quick_hub, ec2
):
    hub = make_quick_hub(
        settings={**SETTINGS, "max_builds_per_user_per_day": 2},
        hub_settings=AT_ONCE,
        # One failure of the Hub's own, and it would end itself.
        code=CODE + "c.Spawner.consecutive_failure_limit = 1",
    )
    await hub.start()
    says(hub, "broken", "begin 0", "failed 9 these cannot be imported: gdal")
    async with Visitor(hub.url, "alice", "any") as alice:
        await alice.log_in()
        for name, words in (
            ("bad", "no versions of the packages go together: a and b"),
            ("broken", "these cannot be imported: gdal"),
        ):
            await hub.start_server(
                "alice", options=wish(f"https://example.org/lab/{name}")
            )
            with pytest.raises(SpawnFailed, match=words):
                await alice.ready(timeout=60)
        status, answer = await hub.start_server("alice", options=wish("file:///etc"))
        assert status == 400 and "https://example.org/lab/*" in str(answer)
    eventually(lambda: living(ec2) == [])
    assert len(ec2.requests("RunInstances")) == 1
    assert ec2.requests("CreateImage") == []
    assert await hub.healthy()
    # Other software starts as ever.
    await hub.start_server("alice", options={"image": "standard"})
    await hub.wait_ready("alice")


@pytest.mark.slow
async def test_a_build_outlives_its_start_and_its_hub(hub, ec2):
    says(hub, "river", "begin 0", "install 3")
    await hub.start_server("alice", options=wish(RIVER))
    eventually(lambda: len(living(ec2)) == 1)
    await hub.stop_server("alice")
    await hub.start_server("bob", options=wish(RIVER))
    await hub.wait_until(
        lambda: asyncio.sleep(0, "being built already" in hub.log), 30, "bob joins"
    )
    hub.kill()
    await hub.start()
    assert len(living(ec2)) == 1
    says(hub, "river", "begin 0", "install 3", "done 9")
    await hub.start_server("bob", options=wish(RIVER))
    await hub.wait_ready("bob")
    launches = ec2.requests("RunInstances")
    assert len([each for each in launches if BUILD_TAG in str(each)]) == 1
    assert len(ec2.requests("CreateImage")) == 1
    eventually(lambda: len(living(ec2)) == 1)
