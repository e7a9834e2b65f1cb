from ec2spawner.admin.teardown.owned import Kind, Region, cost_words, owned
from ec2spawner.core.tags import ARCHIVE_TAG
from ec2spawner.costs.price_list import PriceList
from ec2spawner.ec2.images import ShelvedImage
from ec2spawner.ec2.machines import Machine
from ec2spawner.ec2.resources import Resource, ResourceKind
from ec2spawner.ec2.snapshots import Snapshot

HERE, THERE = "us-west-2", "eu-west-1"
PRICES = PriceList(
    given={
        "t3.small": 0.02,
        "t3.small:spot": 0.01,
        "ebs:gp3": 0.08,
        "ebs:snapshot": 0.05,
        "public-ipv4": 0.005,
    }
)
RUNNING = Machine("i-1", "running", instance_type="t3.small", public=True)
HOME = Resource("vol-h", ResourceKind.VOLUME, "available", size=20, home=True)
DISK = Resource("vol-d", ResourceKind.VOLUME, "in-use", "i-1", size=10)
INTERFACE = Resource("eni-1", ResourceKind.INTERFACE, "in-use", "i-1")
ADDRESS = Resource("eipalloc-1", ResourceKind.ADDRESS)
IMAGE = ShelvedImage("ami-1", "lab", "available", size=12, snapshots=("snap-i",))
ARCHIVE = Snapshot(
    "snap-a", "completed", "vol-x", 20, tags={ARCHIVE_TAG: "vol-x"}, full=4.0
)
OF_IMAGE = Snapshot("snap-i", "completed", "vol-y", 12)
PERSONS = Snapshot("snap-p", "completed", "vol-h", 20, tags={"backup": "daily"})
REGION = Region(
    HERE,
    [RUNNING],
    [HOME, DISK, INTERFACE, ADDRESS],
    [IMAGE],
    [ARCHIVE, OF_IMAGE, PERSONS],
)


def all_of(region=REGION, homes=False, prices=PRICES):
    return {each.id: each for each in owned([region], prices, homes)}


def going(found):
    return [id for id, each in found.items() if not each.stays]


def test_all_goes_but_homes_and_what_the_hub_has_not_made():
    found = all_of()
    assert going(found) == ["i-1", "vol-d", "eni-1", "eipalloc-1", "ami-1"]
    assert {id for id, each in found.items() if each.stays} == {
        *("vol-h", "snap-a", "snap-p"),
    }
    # It goes with its image.
    assert "snap-i" not in found


def test_homes_go_when_they_are_named_with_their_snapshots():
    found = all_of(homes=True)
    assert set(going(found)) == {*all_of(), "vol-h", "snap-a"} - {"snap-p"}
    assert [i for i in found if found[i].of_home] == ["vol-h", "snap-a"]


def test_machines_go_first_and_snapshots_last():
    kinds = [
        each.kind for each in owned([REGION, Region(THERE, [RUNNING])], PRICES, True)
    ]
    assert kinds == sorted(kinds, key=list(Kind).index)
    assert kinds[:2] == [Kind.MACHINE] * 2


def test_each_is_told_with_what_it_costs_a_month():
    usd = {id: round(each.usd, 2) for id, each in all_of().items()}
    assert usd == {
        "i-1": round(730 * 0.025, 2),
        "vol-d": 0.8,
        "vol-h": 1.6,
        "eni-1": 0.0,
        "eipalloc-1": 3.65,
        "ami-1": 0.6,
        "snap-a": 0.2,
        "snap-p": 1.0,
    }


def test_a_stopped_machine_costs_nothing_but_its_disks():
    stopped = Machine("i-2", "stopped", instance_type="t3.small")
    spot = Machine("i-3", "running", instance_type="t3.small", market="spot")
    found = all_of(Region(HERE, [stopped, spot]))
    assert found["i-2"].usd == 0.0 and round(found["i-3"].usd, 1) == 7.3


def test_a_price_that_nobody_knows_is_no_zero():
    found = all_of(prices=PriceList())
    assert found["i-1"].usd is None and found["vol-h"].usd is None
    assert "prices are not known" in cost_words(found.values())
    some = PriceList(given={"ebs:gp3": 0.08})
    words = cost_words(all_of(prices=some).values())
    assert words == "2.40 USD a month, and what nobody knows the price of"
    assert cost_words(all_of().values()) == "26.10 USD a month"


def test_what_a_person_keeps_stays_with_what_it_uses():
    kept = Machine("i-1", "running", kept=True)
    found = all_of(Region(HERE, [kept], [DISK, INTERFACE, ADDRESS]), homes=True)
    assert going(found) == ["eipalloc-1"]
    assert "ec2spawner:keep" in found["i-1"].stays


def test_what_has_ended_is_not_there():
    over = Machine("i-9", "terminated")
    gone = Resource("vol-9", ResourceKind.VOLUME, "deleting")
    assert all_of(Region(HERE, [over], [gone])) == {}


def test_a_copy_that_a_move_has_made_counts_as_a_home():
    copy = Resource("vol-c", ResourceKind.VOLUME, "available", home=True)
    (only,) = owned([Region(HERE, (), [copy])], PRICES, False)
    assert only.kind is Kind.HOME and only.stays
