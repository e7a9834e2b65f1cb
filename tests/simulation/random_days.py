"""What may happen to a hub, in any order, and what must be so at every moment.

DESIGN's invariants: at most one machine per server; every machine is owned or gone
within the stated time; no token usable after a stop; ``poll()`` is None while anything
exists; nothing secret in what EC2 is shown; two hubs do not touch each other; no home
is lost, on two machines at once, made twice or handed to another.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from ec2spawner.core.state import Wish
from localec2 import LocalSettings

from .random_faults import ENDS, FAULTS, HUBS, SETTINGS, STATED_SECONDS, USERS
from .virtual_hub import Hub
from .virtual_world import World, saved, tags_of

AWAKE = ("pending", "running")

users = st.sampled_from(USERS)
sizes = st.sampled_from(["small", "large"])
hubs = st.sampled_from(HUBS)
# Most moments of a start or a stop are within its first 40 steps.
moments = st.integers(0, 40)


class RandomDays(RuleBasedStateMachine):
    """Two hubs in one account, with everything that can happen to them."""

    make_world: Callable[[], World]

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make_world()
        self.hubs: list[Hub] = []
        #: (hub, user) -> machine, of servers that nobody and nothing has touched
        self.calm: dict[tuple[int, str], str] = {}
        self.leaks = 0

    @initialize(
        homes=st.tuples(*[st.sampled_from(["none", "user", "server"])] * len(HUBS)),
        on_stop=st.tuples(*[st.sampled_from(["terminate", "stop"])] * len(HUBS)),
        stopped_ttl=st.sampled_from([0, 100]),
    )
    def begin(
        self, homes: tuple[str, ...], on_stop: tuple[str, ...], stopped_ttl: int
    ) -> None:
        for home, how in zip(homes, on_stop):
            settings = {"home": home, "on_stop": how, "stopped_ttl": stopped_ttl}
            self.hubs.append(self.world.hub(**SETTINGS, **settings))
            self.hubs[-1].start()
        self._meet_users(*self.hubs)

    def _meet_users(self, *hubs: Hub) -> None:
        for hub in hubs:
            for user in USERS:
                hub.call("POST", f"/users/{user}")
        # EC2 tells when a machine was launched by the second, and what looks older
        # than the database is left to a person.
        self.time_passes(2)

    def teardown(self) -> None:
        try:
            if self.hubs:
                self.make_good()
                self.check_the_end()
        finally:
            self.world.close()

    # -- people ----------------------------------------------------------------

    def up(self, number: int) -> Hub:
        """The hub, brought back if it is dead."""
        if not self.hubs[number].alive:
            self.hubs[number].start()
        return self.hubs[number]

    @rule(number=hubs, user=users, size=sizes)
    def start_server(self, number: int, user: str, size: str) -> None:
        options = {"user_options": {"profile": size}}
        self.up(number).call("POST", f"/users/{user}/server", options)

    @rule(number=hubs, user=users)
    def stop_server(self, number: int, user: str) -> None:
        self.calm.pop((number, user), None)
        self.up(number).call("DELETE", f"/users/{user}/server")

    @rule(number=hubs, user=users)
    def delete_user(self, number: int, user: str) -> None:
        self.calm.pop((number, user), None)
        self.up(number).call("DELETE", f"/users/{user}")
        if self.hubs[number].alive:
            self.hubs[number].call("POST", f"/users/{user}")

    # -- the Hub's process -------------------------------------------------------

    @rule(number=hubs)
    def kill_hub(self, number: int) -> None:
        self.hubs[number].kill()

    @rule(number=hubs)
    def restart_hub(self, number: int) -> None:
        self.hubs[number].kill()
        self.hubs[number].start()

    @rule(number=hubs, user=users, moment=moments)
    def hub_dies_in_a_start(self, number: int, user: str, moment: int) -> None:
        hub = self.up(number)
        hub.steps_left = moment
        hub.call("POST", f"/users/{user}/server")
        self._live_on(hub)

    @rule(number=hubs, user=users, moment=moments)
    def hub_dies_in_a_stop(self, number: int, user: str, moment: int) -> None:
        self.calm.pop((number, user), None)
        hub = self.up(number)
        hub.steps_left = moment
        hub.call("DELETE", f"/users/{user}/server")
        self._live_on(hub)

    @rule(number=hubs, moment=moments)
    def hub_dies_while_it_comes_back(self, number: int, moment: int) -> None:
        hub = self.hubs[number]
        hub.kill()
        hub.steps_left = moment
        hub.start()
        self._live_on(hub)

    @rule(number=hubs)
    def database_is_lost(self, number: int) -> None:
        """An admin ends the machines, which no database knows any more."""
        hub = self.hubs[number]
        hub.kill()
        self.calm = {who: id for who, id in self.calm.items() if who[0] != number}
        (hub.folder / "jupyterhub.sqlite").unlink()
        for instance in self.world.living(hub):
            self.world.cloud.lifecycle.terminate(instance)
        self.time_passes(10)
        hub.start()
        self._meet_users(hub)

    def _live_on(self, hub: Hub) -> None:
        if hub.alive and hub.steps_left is not None:
            hub.pass_time(10)
            hub.steps_left = None

    # -- EC2 -----------------------------------------------------------------------

    @rule(what=st.sampled_from(sorted(FAULTS)), times=st.sampled_from([1, 4, None]))
    def ec2_fails(self, what: str, times: int | None) -> None:
        action, fault = FAULTS[what]
        self.world.fault(action, times=times, **fault)

    @rule()
    def ec2_recovers(self) -> None:
        self.world.cloud.faults.clear()

    @rule(seconds=st.sampled_from([0.05, 5.0, 25.0]))
    def ec2_takes_its_time(self, seconds: float) -> None:
        self.world.seconds = {"RunInstances": seconds, "TerminateInstances": seconds}

    @rule(seconds=st.sampled_from([0.0, 20.0]))
    def ec2_hides_what_is_new(self, seconds: float) -> None:
        self._settings(consistency_seconds=seconds)

    @rule(seconds=st.sampled_from([1.0, 40.0]))
    def machines_take_long_to_run(self, seconds: float) -> None:
        self._settings(pending_seconds=seconds)

    def _settings(self, **changes: Any) -> None:
        settings: LocalSettings = self.world.cloud.settings
        self.world.cloud.settings = settings.changed(changes)

    # -- machines --------------------------------------------------------------------

    @precondition(lambda self: self.calm)
    @rule(data=st.data(), how=st.sampled_from(ENDS))
    def machine_ends(self, data: Any, how: str) -> None:
        server = data.draw(st.sampled_from(sorted(self.calm)), label="whose")
        instance_id = self.calm.pop(server)
        machine = self.world.machine(instance_id)
        assert machine is not None
        if how == "EC2 loses it":
            self.world.lose(instance_id)
        elif how == "its server ends":
            machine.crash_server()
        elif how == "it shuts down":
            machine.power_off()
        else:
            instance = self.world.cloud.instance(instance_id)
            self.world.cloud.lifecycle.terminate(instance)  # type: ignore[arg-type]
        # It looks well until then.
        self.world.events.run_due()

    @precondition(lambda self: self.leaks < 2)
    @rule(number=hubs)
    def somebody_leaks_a_machine(self, number: int) -> None:
        """As a bug of ours might: a machine that no database has ever known."""
        self.leaks += 1
        self.world.leak(self.hubs[number])

    # -- time --------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 3, 10, 40, 150]))
    def time_passes(self, seconds: int) -> None:
        """Both hubs live through it, a little of each at a time."""
        until = self.world.time.now + seconds
        while (left := until - self.world.time.now) > 0:
            for hub in self.hubs:
                if hub.alive:
                    hub.run_until(self.world.time.now + min(left, 5.0))
            self.world.wait_until(min(until, self.world.time.now + 0.1))

    # -- what must be so at every moment ---------------------------------------

    @invariant()
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

    @invariant()
    def a_calm_server_stays_on_its_machine(self) -> None:
        for (number, user), instance_id in self.calm.items():
            machine = self.world.machine(instance_id)
            assert machine is not None and machine.serving, (number, user)
            running, state = saved(self.hubs[number])[user, ""]
            assert running and state.current.instance_id == instance_id, (number, user)
        for number, hub in enumerate(self.hubs):
            if hub.alive:
                for user, instance_id in hub.serving().items():
                    self.calm.setdefault((number, user), instance_id)

    @invariant()
    def poll_is_none_while_something_exists(self) -> None:
        for hub in self.hubs:
            if not hub.alive:
                continue
            for user, spawner in hub.spawners.items():
                launch = spawner.context.launch
                exists = any(
                    tags_of(i)["ec2spawner:launch"] == launch.id and i.state in AWAKE
                    for i in self.world.living(hub)
                )
                if exists and spawner.active and launch.wish is Wish.SERVE:
                    status = hub.run(spawner.poll())
                    assert status is None or not hub.alive, (user, status)

    @invariant()
    def no_home_is_lost_or_mixed_up(self) -> None:
        assert not self.world.disks.wrongs
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

    # -- what must be so when things have calmed down --------------------------

    def make_good(self) -> None:
        self.world.cloud.faults.clear()
        self.world.seconds = {}
        for number in HUBS:
            self.up(number)
        waited = 0
        while waited < STATED_SECONDS and not self._all_owned():
            self.time_passes(20)
            waited += 20

    def _all_owned(self) -> bool:
        return all(
            self._states(hub) == self._wanted(hub)
            and not self.world.strays(hub)
            and not any(s.active and not s.ready for s in hub.spawners.values())
            and all(
                running == (user in hub.serving()) and not state.doomed
                for (user, _), (running, state) in saved(hub).items()
            )
            for hub in self.hubs
        )

    def _states(self, hub: Hub) -> dict[str, str]:
        return {i.id: i.state for i in self.world.living(hub)}

    def _wanted(self, hub: Hub) -> dict[str, str]:
        """The machines that serve, and those that rest, if they have not ended."""
        found = [state.stopped for _, state in saved(hub).values() if state.stopped]
        ids = {stopped.instance_id for stopped in found} & self._states(hub).keys()
        serving = dict.fromkeys(hub.serving().values(), "running")
        return serving | dict.fromkeys(ids, "stopped")

    def check_the_end(self) -> None:
        self._check_owned()
        self._check_tokens()
        for hub in self.hubs:
            for user in USERS:
                if user not in hub.serving():
                    status, answer = hub.call("POST", f"/users/{user}/server")
                    assert status in (201, 202), answer
            hub.pass_until(lambda: hub.serving().keys() == set(USERS), 100)
        self._check_owned()
        self._check_tokens()
        for hub in self.hubs:
            for user in USERS:
                status, answer = hub.call("DELETE", f"/users/{user}/server")
                assert status in (202, 204), answer
            hub.pass_until(lambda: self._states(hub) == self._wanted(hub), 60)
            assert not hub.serving()
        self._check_tokens()
        self._check_secrets()

    def _check_owned(self) -> None:
        for hub in self.hubs:
            living = [(i.id, i.state, tags_of(i)) for i in self.world.living(hub)]
            assert self._states(hub) == self._wanted(hub), living
            assert not self.world.strays(hub)
            for (user, _), (running, state) in saved(hub).items():
                assert running == (user in hub.serving()), user
                assert not state.doomed, user
            routes = {r for r in hub.routes if r != "/"}
            assert routes == {f"/user/{user}/" for user in hub.serving()}

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
