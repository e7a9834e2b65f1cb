"""Who is stopped, with servers that are fakes but for what decides."""

import logging
from types import SimpleNamespace

import pytest

from ec2spawner.core.event import NotNow
from ec2spawner.core.idleness import IdlePolicy, Seen
from ec2spawner.core.state import Launch, Phase, ServerState
from ec2spawner.hub.idle.keeper import ROUND, IdleKeeper
from ec2spawner.server.idle.use import Use

BEGIN = 1_800_000_000.0
POLICY = IdlePolicy(idle_timeout=3600, idle_warning=600)


class Context:
    """A server that nobody uses since it began."""

    def __init__(self, name, clock):
        launch = Launch("s", "l", Phase.READY, ready_at=BEGIN, idle=POLICY)
        self.state = ServerState(launch=launch)
        self.label, self.use, self.clock = name, Use(), clock
        self.hub = SimpleNamespace(server_name="")
        ledger = SimpleNamespace(of_machine=lambda id, now: None)
        self.runtime = SimpleNamespace(ledger=ledger)
        self.used_at = BEGIN

    @property
    def launch(self):
        return self.state.current

    def speak(self):
        ago = self.clock() - self.used_at
        self.use.saw(Seen(ago, ago, sees_people=True), self.launch, self.clock())

    def judge(self, now):
        return self.use.judge(self.launch, 0.0, now)

    def applied(self, event):
        try:
            self.state = event.after(self.state)
        except NotNow:
            return False
        return True


class Spawner:
    def __init__(self, name, clock):
        self.context, self.active, self.pending = Context(name, clock), True, None

    def notices(self):
        return []


class Hub:
    """Two users with a server each."""

    def __init__(self):
        self.now, self.stopped, self.log = BEGIN, [], logging.getLogger("tests")
        self.spawners = {n: Spawner(n, lambda: self.now) for n in ("ada", "bob")}
        users = {name: self.user(name) for name in self.spawners}
        proxy = SimpleNamespace(delete_user=self.delete_user)
        app = SimpleNamespace(users=users, proxy=proxy)
        record = SimpleNamespace(keep=self.write_down)
        self.keeper = IdleKeeper(app, self.log, record, clock=lambda: self.now)
        self.meanwhile = lambda: None

    def user(self, name):
        async def stop(server):
            self.stopped.append(name)
            self.spawners[name].active = False

        return SimpleNamespace(spawners={"": self.spawners[name]}, stop=stop)

    async def delete_user(self, user, name):
        """The proxy forgets it."""

    async def write_down(self, contexts, now):
        self.meanwhile()

    async def live(self, seconds, speaking=True):
        end = self.now + seconds
        while self.now < end:
            for spawner in self.spawners.values():
                if speaking and spawner.active:
                    spawner.context.speak()
            await self.keeper.once()
            self.now += ROUND


@pytest.fixture
def hub():
    return Hub()


async def test_two_users_are_stopped_at_the_same_time(hub):
    await hub.live(3590)
    assert not hub.stopped
    await hub.live(30)
    assert hub.stopped == ["ada", "bob"]


async def test_who_comes_between_the_verdict_and_the_stop_is_not_stopped(hub):
    await hub.live(3570)

    def comes():
        if hub.now >= BEGIN + 3600:
            ada = hub.spawners["ada"].context
            ada.used_at = hub.now
            ada.speak()

    hub.meanwhile = comes
    await hub.live(60)
    assert hub.stopped == ["bob"]
    assert hub.spawners["ada"].context.state.last_stop is None


async def test_what_the_hub_itself_starts_or_stops_is_left_alone(hub):
    hub.spawners["ada"].pending = "stop"
    await hub.live(3700)
    assert hub.stopped == ["bob"]


async def test_who_has_stopped_speaking_is_not_stopped(hub):
    await hub.live(3500)
    await hub.live(3600, speaking=False)
    assert not hub.stopped


async def test_a_clock_that_was_set_forgets_what_was_seen(hub):
    await hub.live(3500)
    hub.now += 7200
    await hub.keeper.once()
    assert hub.spawners["ada"].context.use.seen is None
    await hub.live(500)
    assert not hub.stopped, "they are warned anew"
    await hub.live(200)
    assert hub.stopped == ["ada", "bob"]
