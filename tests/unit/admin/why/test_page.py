"""What ``ec2spawner why`` says of one server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ec2spawner.admin.collect import Region, Survey
from ec2spawner.admin.hub_config import Hub
from ec2spawner.admin.uses import KnownUses
from ec2spawner.admin.why.page import Server, lines
from ec2spawner.core.idleness import IdlePolicy
from ec2spawner.core.ids import server_id
from ec2spawner.core.state import (
    Doomed,
    HomeRef,
    LastStop,
    Launch,
    Phase,
    ServerState,
    StoppedMachine,
    Wish,
)
from ec2spawner.costs.ledger import Ledger
from ec2spawner.costs.runs import Kind, Run, Who
from ec2spawner.ec2.clients import Account
from ec2spawner.ec2.machines import Machine
from ec2spawner.ec2.resources import Resource, ResourceKind
from ec2spawner.hub.database.records import Record, Records
from ec2spawner.hub.database.servers import ServerRow
from ec2spawner.hub.database.uses import UseNote

NOW = 1_800_000_000.0
HUB = Hub("h", (), "", {}, Path("c.py"), 1000.0)
LAUNCH = Launch(
    "s-1",
    "l-1",
    Phase.READY,
    launched_at=NOW - 7200,
    claimed_at=NOW - 7180,
    ready_at=NOW - 7160,
    region="us-west-2",
    zone="us-west-2a",
    instance_id="i-1",
    instance_type="m5.large",
    market="spot",
)
READY = ServerState(profile="medium", launch=LAUNCH)


def machine(id="i-1", state="running", **more):
    more.setdefault("launched_at", NOW - 7200)
    return Machine(id, state, instance_type="m5.large", launch_id="l-1", **more)


def page(state, *machines, row=None, resources=(), runs=(), uses=KnownUses()):
    """head -> what is said, in the order of the page."""
    records = Records({"l-1": Record("alice", "", "l-1", "i-1", Phase.READY)})
    region = Region(Account("us-west-2"), machines, resources)
    ledger = Ledger()
    ledger.restore(runs, {}, {})
    row = row or ServerRow("", True, NOW - 7200, NOW - 720, state)
    found: dict[str, list[str]] = {}
    for head, text in lines(
        Server("alice", row), HUB, Survey((region,), records, uses=uses), ledger, NOW
    ):
        found.setdefault(head, []).append(text)
    return found


def test_of_a_server_that_is_ready_it_tells_machine_launch_and_idleness():
    found = page(READY, machine())
    assert list(found)[0] == "STATE"
    assert found["STATE"] == [
        "its server is ready; next: look at it whenever the Hub polls"
    ]
    assert found["LAUNCH"] == [
        "l-1, profile medium, m5.large, spot, us-west-2a, begun 2.0 h ago, claimed "
        "20 s later, ready 40 s later"
    ]
    (told,) = found["MACHINE"]
    assert told.startswith("i-1, running, m5.large") and "its server is ready" in told
    assert found["ACTIVITY"] == ["12 min ago, as JupyterHub was told"]
    assert found["LIMITS"] == ["none of its own; a culler may have some"]
    assert "USE" not in found


def test_of_a_hub_that_runs_it_tells_what_keeps_the_server_on_and_how_it_was_stopped():
    policy = IdlePolicy(idle_timeout=3600, busy_limit=43200)
    launch = replace(LAUNCH, idle=policy, kept_until=NOW + 600)
    last = LastStop("idle", NOW - 86400, NOW - 90000)
    note = UseNote("python3 uses 3.1 CPUs", NOW + 1800)
    uses = KnownUses({"i-1": note, "i-2": UseNote("another's")}, NOW - 60)
    state = replace(READY, launch=launch, last_stop=last)
    found = page(state, machine(), uses=uses)
    use = "kept on: python3 uses 3.1 CPUs (as the Hub knew 1.0 min ago)"
    assert found["USE"] == [use]
    limits = "it stops when idle for 1.0 h, alone though busy for 12 h"
    assert found["LIMITS"] == [limits]
    assert found["KEPT"] == ["for 10 min more, as its user asks"]
    assert found["LAST STOP"] == ["by the Hub 1.0 d ago, limit idle, idle for 1.0 h"]
    assert "JUPYTERHUB" not in found


def test_it_tells_what_is_wrong_with_a_launch():
    launch = Launch(
        **{
            **vars(LAUNCH),
            "wish": Wish.END,
            "silent_since": NOW - 1800,
            "announced": "AWS takes it back",
            "rescued": "vol-1",
        }
    )
    found = page(ServerState(launch=launch, last_end="EC2 lost it"), machine())
    assert "TerminateInstances" in found["STATE"][0]
    assert found["AGENT"][0].startswith("silent for 30 min")
    assert found["ANNOUNCED"] == ["AWS takes it back"]
    assert found["LAST END"] == ["EC2 lost it"]
    assert "could not be mounted" in found["HOME"][0]


def test_a_machine_that_ec2_does_not_list_is_named_and_one_that_is_over_says_why():
    assert page(READY)["MACHINE"] == ["i-1: EC2 does not list it"]
    over = machine(state="terminated", reason_message="host failure")
    assert "host failure" in page(READY, over)["MACHINE"][0]


def test_a_machine_that_only_its_tag_gives_to_the_server_is_shown_too():
    stray = machine("i-2", server_id=server_id("h", "alice", ""))
    others = machine("i-3", server_id=server_id("h", "bob", ""))
    told = " ".join(page(READY, machine(), stray, others)["MACHINE"])
    assert "i-2" in told and "i-3" not in told


def test_what_is_stopped_and_what_is_to_be_ended_is_told():
    stopped = StoppedMachine(
        "l-1",
        "i-1",
        how="hibernate",
        since=NOW - 3600,
        until=NOW + 7200,
        failed_wakes=2,
    )
    state = ServerState(stopped=stopped, doomed=(Doomed("l-0", "i-0"), Doomed("l-9")))
    found = page(state, machine(state="stopped"))
    assert found["STATE"] == ["it does not run"]
    assert found["STOPPED"] == [
        "i-1 hibernates, for 1.0 h; EC2 has not confirmed it yet; ended in 2.0 h "
        "unless it is started; woken 2 times without a server"
    ]
    assert [each.split(" ")[0] for each in found["TO BE ENDED"]] == ["i-0", "what"]
    assert "JUPYTERHUB" in found, "it takes for running what is stopped"


@pytest.mark.parametrize(
    "used_by, told", [("i-1", "in use by i-1"), ("", "used by nothing")]
)
def test_the_home_says_where_it_is(used_by, told):
    state = ServerState(home=HomeRef("vol-1", "us-west-2", "user"))
    volume = Resource("vol-1", ResourceKind.VOLUME, used_by=used_by, zone="us-west-2b")
    (home,) = page(state, resources=(volume,))["HOME"]
    assert home == f"vol-1, the user's, us-west-2b, {told}"


def test_a_home_that_ec2_does_not_list_is_not_to_be_given_up():
    state = ServerState(home=HomeRef("vol-1"))
    assert "does not list it" in page(state)["HOME"][0]


def test_costs_are_this_servers_and_its_users_and_the_last_runs_come_newest_first():
    runs = [
        Run(
            f"i-{n}",
            int(NOW) - 7200 * n,
            Kind.MACHINE,
            "m5.large",
            "on-demand",
            ended=int(NOW) - 7200 * n + 3600,
            usd=0.1,
            who=Who("alice", "" if n != 2 else "gpu"),
        )
        for n in range(1, 8)
    ]
    found = page(READY, machine(), runs=runs)
    assert "0.60 USD for this server, 0.70 USD for all of alice" in found["COST"][0]
    assert [each.split(",")[0] for each in found["RUN"]] == [
        f"i-{n}" for n in (1, 3, 4, 5, 6)
    ]
    assert found["RUN"][0].endswith("1.0 h, ended 1.0 h ago, 0.10 USD")


def test_a_state_that_cannot_be_read_is_said_so():
    row = ServerRow("", True, NOW, NOW, state=None)
    assert "cannot be read" in page(None, row=row)["STATE"][0]
