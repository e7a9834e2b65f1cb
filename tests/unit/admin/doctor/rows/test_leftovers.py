from dataclasses import replace

from ec2spawner.admin.doctor.look.facts import Missing, Unknown
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.doctor.rows.leftovers import homes, keys, leftovers
from ec2spawner.core.tags import DISCARD_TAG, HOME_TAG
from ec2spawner.ec2.account.keys import Key
from ec2spawner.ec2.machines import Machine
from ec2spawner.ec2.resources import Resource, ResourceKind
from ec2spawner.hub.database.records import Record, Records

from ..well import FACTS, HERE, one, region, told, wants

NOW = FACTS.now


ALICES = Resource(
    "vol-1",
    ResourceKind.VOLUME,
    "available",
    zone=f"{HERE}a",
    size=20,
    home=True,
    tags={HOME_TAG: "alice"},
)


def home(id, zone=f"{HERE}a", owner="alice", **changes):
    changes = {"tags": {HOME_TAG: owner}, **changes}
    return replace(ALICES, id=id, zone=zone, **changes)


def test_homes_that_can_be_reached_are_counted():
    facts = region(resources=[home("vol-1"), home("vol-2", f"{HERE}b", "bob")])
    (check,) = homes(wants(), facts)
    assert (check.verdict, check.says) == (Verdict.OK, "2, 40 GiB")
    assert list(homes(wants(), region())) == []


def test_a_home_in_a_zone_without_a_subnet_is_told_unless_it_may_move():
    facts = region(resources=[home("vol-1", f"{HERE}d")])
    verdict, says, fix = one(homes, facts=facts)
    assert verdict is Verdict.PROBLEM
    assert says == "vol-1 is in us-west-2d, where the hub has no subnet."
    assert "home_may_move" in fix
    assert told(homes, wants(home_may_move=True), facts) == []


def test_two_homes_of_one_owner_are_told():
    facts = region(resources=[home("vol-1"), home("vol-2")])
    verdict, says, _ = one(homes, facts=facts)
    assert (verdict, says) == (Verdict.PROBLEM, "vol-1, vol-2 are homes of one owner.")
    discarded = home("vol-2", discarded=True, tags={HOME_TAG: "alice", DISCARD_TAG: ""})
    moved = {
        HOME_TAG: "alice",
        "ec2spawner:move": "m1",
        "ec2spawner:moved-to": "vol-1 m1",
    }
    for other in (discarded, home("vol-2", tags=moved)):
        assert told(homes, facts=region(resources=[home("vol-1"), other])) == []


def test_a_home_in_error_is_told():
    facts = region(resources=[home("vol-1", state="error")])
    assert "'error'" in one(homes, facts=facts)[1]


OLD, LATER = NOW - 1e6, NOW + 1000
RECORDS = Records(
    {"l-1": Record("alice", "", "l-1", "i-1")}, since=NOW - 1e7, database="ours"
)


def machine(id, **more):
    given = {"launched_at": OLD, "launch_id": f"l-{id[2:]}", **more}
    return Machine(id, "running", **given)


def with_machines(*found, records=RECORDS):
    facts = region(machines={m.id: m for m in found})
    return replace(facts, records=records)


def test_machines_of_servers_are_no_leftovers():
    assert told(leftovers, facts=with_machines(machine("i-1"))) == []
    fresh = machine("i-2", lease_until=LATER)
    assert told(leftovers, facts=with_machines(fresh)) == []


def test_what_nobody_wants_is_told_with_the_sweep():
    verdict, says, fix = one(leftovers, facts=with_machines(machine("i-2")))
    assert verdict is Verdict.WARNING and says == "i-2 is nobody's."
    assert fix == "ec2spawner sweep --dry-run"
    many = [machine(f"i-{n}") for n in range(2, 9)]
    assert "7 things, i-2 among them," in one(leftovers, facts=with_machines(*many))[1]


def test_another_hub_with_the_same_id_is_told():
    theirs = machine("i-3", database="theirs", lease_until=LATER)
    verdict, says, _ = one(leftovers, facts=with_machines(theirs))
    assert verdict is Verdict.PROBLEM and says.startswith("Another Hub has this hub_id")


def test_without_a_database_nobody_can_say():
    unknown = Unknown("postgresql: no such host")
    facts = with_machines(machine("i-1"), records=unknown)
    assert one(leftovers, facts=facts)[0] is Verdict.UNKNOWN
    assert told(leftovers, facts=with_machines(records=unknown)) == []


KEY = Key("arn:aws:kms:us-west-2:1:key/1", "Enabled")


def test_a_key_that_homes_cannot_have_is_told():
    def with_key(key):
        return region(keys={"alias/homes": key})

    assert told(keys) == told(keys, facts=with_key(KEY)) == []
    for key, says in (
        (Missing("no"), "alias/homes is no key in us-west-2."),
        (replace(KEY, state="PendingDeletion"), "alias/homes is PendingDeletion."),
        (replace(KEY, encrypts=False), "cannot encrypt"),
    ):
        verdict, text, fix = one(keys, facts=with_key(key))
        assert verdict is Verdict.PROBLEM and says in text and fix
    assert one(keys, facts=with_key(Unknown("allow it")))[0] is Verdict.UNKNOWN
