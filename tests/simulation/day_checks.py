"""What must be so on every day, at every moment and when things have calmed down.

DESIGN's invariants: at most one machine per server; every machine is owned or gone
within the stated time; no token usable after a stop; ``poll()`` is None while anything
exists; nothing secret in what EC2 is shown; two hubs do not touch each other; no home
is lost, on two machines at once, made twice or handed to another.
"""

from __future__ import annotations

import json
from collections import Counter

from ec2spawner.core.state import Wish

from .virtual_hub import Hub
from .virtual_world import World, saved, tags_of

AWAKE = ("pending", "running")
# What a hub that came back has to do, one after the other: wait for its machines until
# start_timeout, sweep (grace and two passes), bury (a minute between two tries, and
# EC2's consistency window).
STATED_SECONDS = 200 + 120 + 2 * 60 + 60 + 60 + 100
# After trouble that passes, zones are asked for again so much later.
ZONES_SECONDS = 11
# How long what a move has left over stays, and the sweeps that see it.
MOVE_SECONDS = 3600 + 300


class Checks:
    """Two hubs, and what must be so of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hubs: list[Hub] = []
        #: (hub, whose) -> machine, of servers that nobody and nothing has touched
        self.calm: dict[tuple[int, str], str] = {}
        self.leaks = 0
        #: how long it was, virtual seconds
        self.passed = 0.0

    def up(self, number: int) -> Hub:
        """The hub, brought back if it is dead."""
        hub = self.hubs[number]
        while not hub.alive:
            hub.start()
            if not hub.alive:
                self.time_passes(5)
        return hub

    def time_passes(self, seconds: float) -> None:
        raise NotImplementedError

    def homes_may_go(self, number: int, user: str) -> None:
        """Somebody decides that a home is not needed any more, if the admin lets it."""
        hub = self.hubs[number]
        if hub.settings["home_on_delete"] != "keep":
            for name in (user, f"{user}/", f"{user}/lab"):
                self.world.disks.may_go.add(f"{hub.hub_id}/{name}")

    # -- at every moment -------------------------------------------------------

    def check(self) -> None:
        self.at_most_one_machine_per_server()
        self.a_calm_server_stays_on_its_machine()
        self.poll_is_none_while_something_exists()
        self.no_home_is_lost_or_mixed_up()

    def at_most_one_machine_per_server(self) -> None:
        for hub in self.hubs:
            condemned = self._condemned(hub)
            owners = Counter(
                tags_of(i)["ec2spawner:server"]
                for i in self.world.living(hub)
                if tags_of(i)["ec2spawner:launch"] not in condemned and i.state in AWAKE
            )
            owners.pop("leak", None)
            assert all(count == 1 for count in owners.values()), owners

    def a_calm_server_stays_on_its_machine(self) -> None:
        rows = [rows_of(hub) for hub in self.hubs]
        for (number, whose), instance_id in self.calm.items():
            machine = self.world.machine(instance_id)
            assert machine is not None and machine.serving, (number, whose)
            running, state = rows[number][whose]
            assert running and state.current.instance_id == instance_id, (number, whose)
        for number, hub in enumerate(self.hubs):
            if hub.alive:
                for whose, instance_id in hub.serving().items():
                    machine = self.world.machine(instance_id)
                    # Of one that nobody uses nobody knows for how long it serves.
                    if machine is not None and machine.use is None:
                        self.calm.setdefault((number, whose), instance_id)

    def poll_is_none_while_something_exists(self) -> None:
        for hub in self.hubs:
            if not hub.alive:
                continue
            for whose, spawner in hub.spawners.items():
                launch = spawner.context.launch
                exists = any(
                    tags_of(i)["ec2spawner:launch"] == launch.id and i.state in AWAKE
                    for i in self.world.living(hub)
                )
                if exists and spawner.active and launch.wish is Wish.SERVE:
                    status = hub.run(spawner.poll())
                    assert status is None or not hub.alive, (whose, status)

    def no_home_is_lost_or_mixed_up(self) -> None:
        assert not self.world.disks.wrongs, self.world.disks.wrongs
        for hub in self.hubs:
            for owner, volumes in self.world.homes(hub).items():
                assert len(volumes) == 1, (owner, [v.id for v in volumes])

    def _condemned(self, hub: Hub) -> set[str]:
        """Launches whose machines are being ended, by what the hub remembers."""
        found = set()
        for _, state in saved(hub).values():
            found |= {doomed.launch_id for doomed in state.doomed}
            if state.launch and state.launch.wish is not Wish.SERVE:
                # The one that is to be stopped, too: it may still be running.
                found.add(state.launch.id)
        for fleet in hub.fleets if hub.alive else ():
            found |= {doomed.launch_id for doomed in fleet._doomed}
        return found

    # -- when things have calmed down ------------------------------------------

    def make_good(self) -> None:
        self.world.faults.clear()
        self.world.faults.aims.clear()
        self.world.seconds = {}
        settings = self.world.cloud.settings
        self.world.cloud.settings = settings.changed({"capacity": {}})
        for number, hub in enumerate(self.hubs):
            hub.take_writes()
            self.up(number).check_routes()
            for user in ("alice", "bob"):  # whom the database may have refused
                hub.call("POST", f"/users/{user}")
        # Till then a start says that it is not known yet where machines can be.
        self.time_passes(ZONES_SECONDS)
        moves = any(hub.settings["home_may_move"] for hub in self.hubs)
        stated = MOVE_SECONDS if moves else STATED_SECONDS
        waited = 0
        while waited < stated and not self._all_owned():
            self.time_passes(20)
            waited += 20
        for hub in self.hubs:
            hub.check_routes()

    def _all_owned(self) -> bool:
        return all(
            self._states(hub) == self._wanted(hub)
            and not self.world.strays(hub)
            and not self.world.discarded(hub)
            and not any(s.active and not s.ready for s in hub.spawners.values())
            and not self._owes(hub)
            and not self._left(hub)
            and all(
                running == (whose in hub.serving())
                and not state.doomed
                and (running or state.launch is None)
                for whose, (running, state) in rows_of(hub).items()
            )
            for hub in self.hubs
        )

    def _owes(self, hub: Hub) -> bool:
        """It has still to do what EC2 or its database has refused until now: it asks
        again within half a minute, and till then a start fails in words."""
        listings = [fleet.inventory for fleet in hub.fleets]
        failing = any(each.failing or each.listing is None for each in listings)
        return failing or not hub.runtime.unsaved.all_written

    def _left(self, hub: Hub) -> list[str]:
        """Whose servers run that nobody uses: the Hub is about to stop them."""
        machines = {who: self.world.machine(id) for who, id in hub.serving().items()}
        return [who for who, machine in machines.items() if machine and machine.use]

    def _states(self, hub: Hub) -> dict[str, str]:
        return {i.id: i.state for i in self.world.living(hub)}

    def _wanted(self, hub: Hub) -> dict[str, str]:
        """The machines that serve, and those that rest, if they have not ended."""
        found = [state.stopped for _, state in saved(hub).values() if state.stopped]
        ids = {stopped.instance_id for stopped in found} & self._states(hub).keys()
        serving = dict.fromkeys(hub.serving().values(), "running")
        return serving | dict.fromkeys(ids, "stopped")

    def check_the_end(self) -> None:
        """Nobody has anything that they do not want, and everybody can work."""
        self._check_owned()
        self._check_tokens()
        for hub in self.hubs:
            assert not self._left(hub)
            if hub.settings["home"] == "user":
                self._end_named_servers(hub)
            everybody = set(hub.spawners) | {"alice", "bob"}
            for whose in sorted(everybody - hub.serving().keys()):
                had_ended = self._ended_in_memory(hub, whose)
                status, answer = hub.call("POST", server_path(whose))
                if had_ended and status == 503:
                    # Its user is told so, and that the next try may do better.
                    assert "the server ended" in answer["message"], answer
                    status, answer = hub.call("POST", server_path(whose))
                assert status in (201, 202), answer
            hub.pass_until(lambda: hub.serving().keys() == everybody, 200)
        # What their new machines have replaced is ended behind them.
        self.time_passes(60)
        self._check_owned()
        self._check_tokens()
        for hub in self.hubs:
            for whose in hub.serving():
                status, answer = hub.call("DELETE", server_path(whose))
                assert status in (202, 204), answer
            hub.pass_until(lambda: self._states(hub) == self._wanted(hub), 60)
            assert not hub.serving()
        self._check_tokens()
        self._check_secrets()
        self.no_home_is_lost_or_mixed_up()

    def _ended_in_memory(self, hub: Hub, whose: str) -> bool:
        """Its server had ended, and its machine hibernated before it could say so."""
        stopped = rows_of(hub)[whose][1].stopped if whose in rows_of(hub) else None
        machine = self.world.machine(stopped.instance_id) if stopped else None
        return machine is not None and machine.over

    def _end_named_servers(self, hub: Hub) -> None:
        """Of two servers of one user, only one can have their home."""
        for whose in [whose for whose in hub.spawners if "/" in whose]:
            answer = hub.call("DELETE", server_path(whose), {"remove": True})
            assert answer[0] in (202, 204), answer
        hub.pass_until(lambda: not any("/" in whose for whose in hub.spawners), 60)
        hub.pass_until(lambda: self._states(hub) == self._wanted(hub), 60)

    def _check_owned(self) -> None:
        for hub in self.hubs:
            living = [(i.id, i.state, tags_of(i)) for i in self.world.living(hub)]
            assert self._states(hub) == self._wanted(hub), living
            assert not self.world.strays(hub)
            for whose, (running, state) in rows_of(hub).items():
                assert running == (whose in hub.serving()), whose
                assert not state.doomed, whose
            routes = {r for r in hub.routes if r != "/"}
            assert routes == {f"/user/{whose}/" for whose in hub.serving()}

    def _check_tokens(self) -> None:
        for hub in self.hubs:
            # Of those of all its boots only the last one's token is any good.
            owned = [self.world.machine(id) for id in hub.serving().values()]
            for machine in hub.machines:
                if not machine.token:
                    continue
                status, _ = hub.call("GET", "/user", token=machine.token)
                wanted = 200 if machine in owned else 403
                assert status == wanted, (machine.spec.instance_id, status)

    def _check_secrets(self) -> None:
        shown = json.dumps(self.world.cloud.log.since())
        for hub in self.hubs:
            for machine in hub.machines:
                assert machine.key not in shown
                assert not machine.token or machine.token not in shown


def server_path(whose: str) -> str:
    """In the Hub's API: "alice" has a server, and may have "alice/lab"."""
    user, _, name = whose.partition("/")
    return f"/users/{user}/servers/{name}" if name else f"/users/{user}/server"


def rows_of(hub: Hub) -> dict[str, tuple[bool, object]]:
    """Whose -> what the database says of their server."""
    return {"/".join(filter(None, names)): row for names, row in saved(hub).items()}
