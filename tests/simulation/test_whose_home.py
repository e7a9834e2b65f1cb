"""Which volume is the home of which server, in a world whose time is free."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import pytest

from ec2spawner.core.state import Phase, ServerState

from ..hub.hub_process import ADMIN_TOKEN
from .scenarios import SETTINGS
from .virtual_world import ELSEWHERE, saved

ALICE = "/users/alice"
MOVES = {**SETTINGS, "on_stop": "terminate", "home_may_move": True}


@pytest.fixture
def make_hub(hubs_with):
    """Makes hubs that alice may use."""
    return hubs_with(SETTINGS)


def server(name=""):
    return f"{ALICE}/servers/{name}" if name else f"{ALICE}/server"


def state(hub, name=""):
    return saved(hub).get(("alice", name), (False, ServerState()))[1]


def is_off(hub, name=""):
    running, known = saved(hub)["alice", name]
    return not running and not known.may_have_machine and not known.doomed


def start(hub, name=""):
    assert hub.call("POST", server(name))[0] in (201, 202)
    hub.pass_until(lambda: state(hub, name).current.phase is Phase.READY, 120)
    return state(hub, name)


def stop(hub, name=""):
    hub.call("DELETE", server(name))
    hub.pass_until(lambda: is_off(hub, name), 60)
    hub.pass_time(5)  # until EC2 has taken its volumes off a machine that ends


def sold_out(world, zone):
    """From now on this zone has no machine, and all others have."""
    settings = world.cloud.settings
    world.cloud.settings = settings.changed({"capacity": {f"*/{zone}": 0}})


def asked(world, *actions):
    found = [r["action"] for r in world.cloud.log.since()]
    return [action for action in found if action in actions]


def volume(world, id):
    return world.cloud.backend.volumes.get(id)


def test_what_a_home_has_moved_from_stays_while_nobody_could_mount_the_copy(
    world, make_hub
):
    hub = make_hub(**MOVES)
    old = start(hub).home_id
    stop(hub)
    sold_out(world, volume(world, old).availability_zone)
    world.disks.broken = True
    rescued = start(hub)
    assert rescued.current.rescued and rescued.home_id != old
    hub.pass_time(30)
    assert volume(world, old) and not asked(world, "DeleteVolume")
    # When somebody has repaired the copy, it goes as after every move.
    stop(hub)
    world.disks.broken = False
    assert start(hub).home_id == rescued.home_id
    hub.pass_until(lambda: volume(world, old) is None, 60)
    assert not world.disks.wrongs


def test_the_next_region_is_not_asked_for_the_home_of_the_last_one(world, make_hub):
    hub = make_hub(on_stop="terminate")
    first = start(hub)
    stop(hub)
    hub.kill()
    hub.settings |= world.settings_in(ELSEWHERE)
    hub.start()
    second = start(hub)
    assert second.home_id and second.home_id != first.home_id


def test_two_servers_of_one_user_make_one_home_however_near_their_starts(
    world, make_hub
):
    hub = make_hub(on_stop="terminate")

    async def both_are_clicked():
        uris = ["/hub/api" + server(name) for name in ("one", "two")]
        clicks = (hub.request("POST", uri, None, ADMIN_TOKEN) for uri in uris)
        await asyncio.gather(*clicks)

    hub.run(both_are_clicked())
    assert len(asked(world, "RunInstances")) == 2
    hub.pass_time(30)
    assert asked(world, "CreateVolume") == ["CreateVolume"]
    assert len(world.homes(hub)) == 1 and not world.disks.wrongs


def test_who_takes_a_renamed_servers_old_name_does_not_get_its_home(world, make_hub):
    hub = make_hub(on_stop="terminate", home="server", sweep_interval=3600)
    first = start(hub, "lab").home_id
    stop(hub, "lab")
    hub.kill()
    # The Hub renames servers when it starts, and tells no spawner of it.
    with contextlib.closing(sqlite3.connect(hub.folder / "jupyterhub.sqlite")) as db:
        db.execute("update spawners set name = 'field' where name = 'lab'")
        db.commit()
    hub.start()
    assert start(hub, "lab").home_id != first
    assert start(hub, "field").home_id == first


def test_who_gets_the_name_meanwhile_keeps_the_home_that_they_were_given(
    world, make_hub
):
    hub = make_hub(on_stop="terminate", home_on_delete="delete")
    given = start(hub).home_id
    stop(hub)
    world.fault("CreateTags", error=("InternalError", 500))
    assert hub.call("DELETE", ALICE)[0] == 204
    hub.call("POST", ALICE)
    assert start(hub).home_id == given
    world.cloud.faults.clear()
    hub.pass_time(1800)  # longer than the Hub waits to try again
    assert state(hub).home_id == given
    assert [home.id for (home,) in world.homes(hub).values()] == [given]
    assert not asked(world, "DeleteVolume") and not world.disks.wrongs


def test_a_home_that_somebody_detaches_from_a_running_machine_is_told_of(
    world, make_hub
):
    hub = make_hub(on_stop="terminate")
    running = start(hub)
    hub.pass_time(60)
    notices = hub.spawners["alice"].notices
    assert notices() == []
    home, machine = volume(world, running.home_id), running.current.instance_id
    # In AWS's console, and on the machine.
    world.disks.unmount(world.machine(machine))
    world.cloud.volume_life.detach(home, force=False)
    hub.pass_until(notices, 120)
    (told,) = notices()
    assert running.home_id in told and machine in told and "your hub's admin" in told
    assert hub.serving() == {"alice": machine}
    # It is said of that machine and of no other.
    stop(hub)
    start(hub)
    hub.pass_time(60)
    assert notices() == []


def test_a_home_is_not_taken_off_a_machine_in_whose_memory_it_is_mounted(
    world, make_hub
):
    world.cloud.settings = world.cloud.settings.changed(
        {"hibernation_ready_seconds": 0}
    )
    hub = make_hub(on_stop="hibernate", root_volume_size=20)
    asleep = start(hub, "one").current.instance_id
    stop(hub, "one")
    assert world.cloud.instance(asleep).hibernated
    world.cloud.log.clear()
    start(hub, "two")
    done = asked(world, "DetachVolume", "TerminateInstances", "AttachVolume")
    assert done[0] == "TerminateInstances" and "DetachVolume" not in done
    assert not world.disks.wrongs
