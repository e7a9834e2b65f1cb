"""Each call to EC2, and what becomes of it on its way. Time is free here.

A case is one call of one scenario that goes wrong in one way, once or as long as its
user waits. Whatever becomes of it, somebody clicks again afterwards, and all is well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.core.tags import lease_text
from localec2 import LATE_FAULTS, WIRE_FAULTS

from .scenarios import SCENARIOS, SETTINGS, HubWithHomes, Scenario

FAULTS = {**WIRE_FAULTS, **LATE_FAULTS}
#: longer than a start may take
LEASE_SECONDS = 100
LATE_SECONDS = 60
#: longer than sweeps take whose calls have waited for answers before
SWEPT_SECONDS = 1800
WAITS_SECONDS = SETTINGS["start_timeout"] + 60
LARGER_HOMES = [
    {"display_name": "small", "ec2spawner_override": {"instance_type": "t3.small"}},
    {"display_name": "large", "ec2spawner_override": {"home_size": 2}},
]
FIRST = SCENARIOS["the first start"]


@dataclass(frozen=True)
class Errand:
    """What a Hub is asked for, and the calls of it that may go wrong."""

    scenario: Scenario
    actions: tuple[str, ...]
    #: what a Hub asks once in its life
    new_life: bool = False
    #: the machine never claims
    silent: bool = False
    #: things of the hub that nobody needs any more
    leftovers: bool = False


ERRANDS = {
    "the first start": Errand(
        FIRST,
        (
            "RunInstances",
            "CreateVolume",
            "AttachVolume",
            "DescribeVolumes",
            "DescribeTags",
        ),
    ),
    "the first start in a Hub's life": Errand(
        replace(FIRST, settings={"image": "ssm:"}),
        (
            "DescribeImages",
            "DescribeInstanceTypes",
            "DescribeSubnets",
            "DescribeInstances",
            "GetParameter",
        ),
        new_life=True,
    ),
    "a start on a fresh machine": Errand(
        SCENARIOS["a start on a fresh machine"], ("RunInstances", "AttachVolume")
    ),
    "a start with a larger home": Errand(
        Scenario(
            "start large",
            ("start small", "stop"),
            "terminate",
            settings={"profile_list": LARGER_HOMES},
        ),
        ("ModifyVolume",),
    ),
    "a start whose machine is silent": Errand(
        replace(FIRST, settings={"claim_timeout": 60}),
        ("GetConsoleOutput",),
        silent=True,
    ),
    "waking up in another size": Errand(
        SCENARIOS["waking up in another size"],
        ("StartInstances", "ModifyInstanceAttribute"),
    ),
    "a fresh machine for one that cannot wake up": Errand(
        SCENARIOS["a fresh machine for one that cannot wake up"], ("DetachVolume",)
    ),
    "the end of a machine": Errand(
        SCENARIOS["the end of a machine"], ("TerminateInstances",)
    ),
    "going to rest": Errand(SCENARIOS["going to rest"], ("StopInstances",)),
    "a home that moves to another zone": Errand(
        SCENARIOS["a home that moves to another zone"],
        (
            "CreateSnapshot",
            "CreateVolume",
            "CreateTags",
            "DescribeSnapshots",
            "DeleteSnapshot",
            "DeleteVolume",
        ),
    ),
    "the deletion of a home": Errand(
        SCENARIOS["the deletion of a home"], ("CreateTags", "DeleteVolume")
    ),
    "the deletion of a home that is kept as a snapshot": Errand(
        SCENARIOS["the deletion of a home that is kept as a snapshot"],
        ("CreateTags", "CreateSnapshot", "DeleteVolume"),
    ),
    "a while in which things are left over": Errand(
        replace(FIRST, settings={"hub_silence_limit": LEASE_SECONDS}),
        (
            "DescribeInstanceStatus",
            "DescribeNetworkInterfaces",
            "DescribeAddresses",
            "DeleteNetworkInterface",
            "ReleaseAddress",
        ),
        leftovers=True,
    ),
}
CALLS = [(name, action) for name, e in ERRANDS.items() for action in e.actions]


class HubOnTheWire(HubWithHomes):
    """A hub with homes whose calls go wrong on their way."""

    def __init__(self, world: Any, name: str) -> None:
        self.errand = ERRANDS[name]
        scenario = self.errand.scenario
        if scenario.settings.get("image") == "ssm:":
            image = f"ssm:{world.cloud.resources.image_parameter}"
            scenario = replace(scenario, settings={"image": image})
        super().__init__(world, scenario)
        self.cases = 0
        self.most_awake = 1
        #: ids of what nobody needs any more
        self.left_over: set[str] = set()

    def go_wrong(self, action: str, fault: str, times: int | None) -> None:
        """One case: it goes wrong, somebody reads why, and clicks again."""
        self.cases += 1
        self.user = f"user-{self.cases}"
        # Two zones may both have been asked before either answers.
        self.most_awake = 2 if action == "RunInstances" else 1
        self.hub.call("POST", f"/users/{self.user}")
        for act in self.scenario.before:
            self.do(act)
        if self.errand.new_life:
            self.hub.kill()
            self.hub.start()
        for other, trouble in self.scenario.faults.items():
            self.world.fault(other, **trouble)
        if self.scenario.sold_out:
            (home,) = self.homes_of_user()
            self._capacity({f"*/{home.availability_zone}": 0})
        if self.errand.leftovers:
            self._leave_over()
        self.world.silent = self.errand.silent
        self.world.fault(action, times=times, **FAULTS[fault])
        self.hub.steps.clear()
        before = f"before {action}"
        takes_long = fault in LATE_FAULTS or times is None or self.errand.leftovers
        self._act(3 * LEASE_SECONDS if takes_long else 60)
        self._check_words()
        if self.errand.leftovers:
            self.pass_until(lambda: before in self.hub.steps, SWEPT_SECONDS)
        assert before in self.hub.steps
        self.world.clear_faults()
        self.world.silent = False
        if times is None and fault in LATE_FAULTS:
            # Every stop that EC2 has yet to get ends a start; the last comes then.
            self.hub.pass_time(LATE_SECONDS)
        self.check()
        # Of what nobody needs too much at once is kept for a person to look at.
        self.pass_until(lambda: not self.still_left_over(), SWEPT_SECONDS)

    def _act(self, afterwards: float) -> None:
        what, _, size = self.scenario.act.partition(" ")
        path = f"/users/{self.user}"
        if what == "start":
            options = {"user_options": {"profile": size}}
            self.hub.call("POST", f"{path}/server", options)
            self.pass_until(self._is_settled, WAITS_SECONDS + 60)
        else:
            self.hub.call("DELETE", f"{path}/server" if what == "stop" else path)
        # What goes on afterwards: sweeps, listings, old volumes, late calls.
        until = self.world.time.now + afterwards
        self.pass_until(lambda: self.world.time.now >= until, afterwards + 60)

    def _is_settled(self) -> bool:
        spawner = self.hub.spawners[self.user]
        return self.user in self.hub.serving() or not (
            spawner.pending or spawner.active
        )

    def pass_until(self, check: Any, seconds: float) -> None:
        def so() -> bool:
            awake = [i for i in self.living() if i.state in ("pending", "running")]
            assert len(awake) <= self.most_awake
            return bool(check())

        self.hub.pass_until(so, seconds)

    def _check_words(self) -> None:
        """A start that has failed has said so in words that a person can act on."""
        spawner = self.hub.spawners.get(self.user)
        future = spawner and spawner._spawn_future
        if not (future and future.done() and future.exception()):
            return
        error = future.exception()
        assert isinstance(error, EC2SpawnError), repr(error)
        said = error.jupyterhub_message
        assert said.endswith(".") and "<" not in said and "Error" not in said, said

    # What nobody needs any more.

    def _leave_over(self) -> None:
        backend, hub = self.world.cloud.backend, self.hub
        # Only its lease tells how old it is.
        lease = lease_text(self.world.time.time() + LEASE_SECONDS)
        tags = {
            "ec2spawner:hub": hub.hub_id,
            "ec2spawner:launch": "lost",
            "ec2spawner:lease": lease,
        }
        subnet = next(iter(self.world.cloud.resources.subnet_ids.values()))
        interface = backend.create_network_interface(
            backend.get_subnet(subnet), None, tags=tags
        )
        address = backend.allocate_address("vpc", tags=tags)
        self.left_over |= {interface.id, address.allocation_id}

    def still_left_over(self) -> set[str]:
        backend = self.world.cloud.backend
        there = {*backend.enis, *(a.allocation_id for a in backend.addresses)}
        return there & self.left_over

    def check_the_end(self) -> None:
        super().check_the_end()
        assert not self.still_left_over()
