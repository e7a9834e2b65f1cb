from dataclasses import replace

import pytest

from ec2spawner.admin.doctor.look.facts import Missing, Unknown
from ec2spawner.admin.doctor.rows.check import Verdict
from ec2spawner.admin.doctor.rows.images import data, images, key_pairs
from ec2spawner.ec2.snapshots import Snapshot

from ..well import AMI, REGION, one, region, told, wants

IMAGE = REGION.images[AMI, ()]


def shown(image):
    return region(images={(AMI, ()): image})


def changed(**changes):
    return shown(replace(IMAGE, **changes))


def test_an_image_that_is_well():
    assert told(images) == []


@pytest.mark.parametrize(
    "facts, verdict, says",
    [
        (shown(Missing("it does not exist")), Verdict.PROBLEM, "is no image in us-w"),
        (shown(Unknown("allow it")), Verdict.UNKNOWN, "allow it"),
        (changed(state="pending"), Verdict.PROBLEM, "is pending"),
        (changed(modern=False), Verdict.PROBLEM, "not of today's kind"),
        (changed(marketplace=True), Verdict.WARNING, "Marketplace"),
        (changed(deprecated_at=9e8), Verdict.WARNING, "deprecated since 1998-07-09"),
        (changed(devices=frozenset({"/dev/sdf"})), Verdict.PROBLEM, "/dev/sdf"),
    ],
)
def test_what_is_wrong_with_an_image_is_said(facts, verdict, says):
    found = one(images, facts=facts)
    assert found[0] is verdict and says in found[1]


def test_one_that_will_be_deprecated_is_well():
    assert told(images, facts=changed(deprecated_at=2e9)) == []


def test_a_disk_that_is_too_small_is_told():
    verdict, says, fix = one(images, wants(root_volume_size=7))
    assert verdict is Verdict.PROBLEM and says.startswith("root_volume_size is 7 GiB")
    assert fix == "c.EC2Spawner.root_volume_size = 8"


def test_the_image_of_each_profile_is_looked_at_and_who_has_it_is_named():
    other = "ami-11111111"
    own = [
        {"display_name": "Plain"},
        {"display_name": "Own", "ec2spawner_override": {"image": other}},
    ]
    facts = region(images={**REGION.images, (other, ()): Missing("not there")})
    (check,) = [c for c in images(wants(profile_list=own), facts) if c.why]
    assert check.about == other and check.why == "No machine starts, for Own."


def test_a_key_pair_that_is_not_there_is_told():
    named = wants(key_name="ada")
    assert told(key_pairs, named, region(key_pairs=frozenset({"ada"}))) == []
    verdict, says, fix = one(key_pairs, named)
    assert verdict is Verdict.PROBLEM and "no key pair 'ada'" in says
    assert "import-key-pair" in fix
    assert one(key_pairs, named, region(key_pairs=Unknown("x")))[0] is Verdict.UNKNOWN
    assert told(key_pairs) == []


def test_data_whose_snapshot_is_not_there_or_not_ready_is_told():
    given = [{"snapshot_id": "snap-0123456789abcdef0", "mount_path": "/data/dem"}]
    wanted, id = wants(data_volumes=given), given[0]["snapshot_id"]
    ready = Snapshot(id, "completed", "vol-1", 40)
    assert told(data, wanted, region(snapshots={id: ready})) == []
    verdict, says, _ = one(data, wanted)
    assert (
        verdict is Verdict.PROBLEM
        and says == f"There is no snapshot {id} in us-west-2."
    )
    pending = region(snapshots={id: replace(ready, state="pending")})
    assert one(data, wanted, pending)[1] == f"{id} is pending."
    assert one(data, wanted, region(snapshots=Unknown("x")))[0] is Verdict.UNKNOWN
    assert told(data) == []
