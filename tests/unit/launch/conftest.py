"""A launch by itself, against an EC2 that answers as it was told to."""

import logging
from types import SimpleNamespace

import pytest

from ec2spawner.ec2.clients import NotSent
from ec2spawner.ec2.errors import EC2Error
from ec2spawner.ec2.errors.table import meaning_of
from ec2spawner.launch import attempts
from ec2spawner.launch.attempts import Launcher, Reporter
from ec2spawner.launch.plan import Candidate, LaunchPlan
from ec2spawner.launch.unavailable import Unavailable

SOLD_OUT, IN_DOUBT, THROTTLED = (
    "InsufficientInstanceCapacity",
    "InternalError",
    "RequestLimitExceeded",
)
NO_RIGHT, QUOTA = "UnauthorizedOperation", "VcpuLimitExceeded"


def error(code, words=""):
    return EC2Error("RunInstances", code, words, meaning_of(code))


def candidate(zone, market="on-demand", kind="m7i.large"):
    return Candidate(market, kind, f"subnet-{zone}", {"zone": zone}, zone)


A, B, C = (candidate(zone) for zone in "abc")


class Region:
    """An EC2 region: what it answers, in order, and what it was asked. Time passes only
    where somebody waits."""

    def __init__(self):
        self.now, self.answers, self.asked, self.slept = 100.0, [], [], []
        #: what happens at the next request, before its answer
        self.meanwhile = []
        #: the machines that a listing shows; what a question by token brings
        self.shown, self.by_token = [], None
        self.repetitions = 100
        self.tokens = []

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    async def run_machine(self, lane, request, token, still_wanted):
        if not still_wanted():
            raise NotSent()
        self.asked.append(request["zone"])
        self.tokens.append(token)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise error(answer)
        if isinstance(answer, EC2Error):
            raise answer
        return answer

    async def machine_of_token(self, lane, token):
        if isinstance(self.by_token, str):
            raise error(self.by_token)
        return self.by_token

    # -- as an inventory, and as a budget of repetitions ---------------------------

    fast = 0.5

    async def next(self, timeout):
        self.now += min(timeout, self.fast)

    def of_launch(self, launch_id, client_token):
        found = [m for m in self.shown if m.client_token in ("", client_token)]
        return found[0] if found else None

    def allow(self):
        self.repetitions -= 1
        return self.repetitions >= 0


class Line:
    """How many launches wait for AWS's limits, and for how long."""

    def __init__(self, ahead=0, seconds=0.0):
        self.before, self.seconds = ahead, seconds

    def wait(self, action):
        return self.seconds

    def ahead(self, action):
        return self.before


@pytest.fixture
def region(monkeypatch):
    made = Region()
    monkeypatch.setattr(attempts, "run_machine", made.run_machine)
    monkeypatch.setattr(attempts, "machine_of_token", made.machine_of_token)
    monkeypatch.setattr("asyncio.sleep", made.sleep)
    monkeypatch.setattr("random.uniform", lambda low, high: low + high)
    monkeypatch.setattr(attempts, "time", SimpleNamespace(monotonic=made.clock))
    return made


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def launch(region, line):
    """Begins launches of one fleet, and takes note of what they say."""
    clients = SimpleNamespace(
        launching=None, reading=None, retries=region, throttle=line
    )
    launcher = Launcher(clients, region, logging.getLogger("attempts"))
    launcher.unavailable = Unavailable(region.clock)

    def begin(*candidates, home=""):
        plan = LaunchPlan("launch-1", candidates or (A, B, C), home)
        noted = SimpleNamespace(attempts=[], abandoned=[], told=[])
        reporter = Reporter(
            noted.attempts.append, noted.abandoned.append, noted.told.append
        )
        way = launcher.attempts(plan, reporter)
        way.noted, way.news = noted, launcher.unavailable
        return way

    return begin
