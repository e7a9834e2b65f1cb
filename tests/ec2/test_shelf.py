"""The commands about images, on an account with two Regions."""

import json
import re

import pytest

from ec2spawner.admin.image.copy import CopyApp
from ec2spawner.admin.image.ls import ImageLsApp
from ec2spawner.admin.image.prune import PruneApp
from ec2spawner.admin.image.save import SaveApp
from ec2spawner.admin.image.share import ShareApp
from ec2spawner.admin.image.show import ShowApp
from ec2spawner.admin.image.trial import TestApp
from ec2spawner.core.tags import (
    COMMIT_TAG,
    HUB_TAG,
    IMAGE_TAG,
    KEY_TAG,
    PYTHON_TAG,
    READY,
    STATUS_TAG,
)
from localec2 import Fault

from ..localec2.conftest import client, eventually, request_for

HERE, THERE, NOWHERE = "us-west-2", "eu-west-1", "ap-south-1"
FRIEND = "111122223333"
CONFIG = """
c.JupyterHub.spawner_class = "ec2spawner.EC2Spawner"
c.JupyterHub.cookie_secret = bytes(32)
c.EC2Spawner.region = "us-west-2"
c.EC2Spawner.endpoint_url = {url!r}
c.EC2Spawner.hub_id = {hub!r}
c.EC2Spawner.image = {image!r}
c.EC2Spawner.prices = {{"ebs:snapshot": 0.05}}
"""


class Shelf:
    """A hub's images, and the commands about them, in this process."""

    def __init__(self, cloud, folder, hub, capsys):
        self.cloud, self.folder, self.hub, self.capsys = cloud, folder, hub, capsys
        self.api = {name: client(cloud, region_name=name) for name in (HERE, THERE)}
        self.configure("repo:hydro")

    def configure(self, image):
        text = CONFIG.format(url=self.cloud.endpoint_url, hub=self.hub, image=image)
        (self.folder / "jupyterhub_config.py").write_text(text)

    def machine(self, image="", region=HERE):
        world = self.cloud.control.resources(region)
        more = {"ImageId": image} if image else {}
        made = self.api[region].run_instances(**request_for(world, **more))
        id = made["Instances"][0]["InstanceId"]
        self.cloud.control.wait_for_state(id, "running")
        return id

    def image(self, key, label="hydro", status=READY, region=HERE, ready=True):
        tags = {HUB_TAG: self.hub, IMAGE_TAG: label, KEY_TAG: key, STATUS_TAG: status}
        tags |= {COMMIT_TAG: "ba49126fb3c0", PYTHON_TAG: "3.8"}
        pairs = [{"Key": name, "Value": value} for name, value in tags.items()]
        api = self.api[region]
        made = api.create_image(
            InstanceId=self.machine(region=region),
            Name=f"{self.hub}/{label}/{key}",
            TagSpecifications=[
                {"ResourceType": kind, "Tags": pairs} for kind in ("image", "snapshot")
            ],
        )["ImageId"]
        if ready:
            eventually(lambda: self.shown(made, region)["State"] == "available")
        return made

    def shown(self, image, region=HERE):
        return self.api[region].describe_images(ImageIds=[image])["Images"][0]

    def images(self, region):
        mine = [{"Name": f"tag:{HUB_TAG}", "Values": [self.hub]}]
        found = self.api[region].describe_images(Filters=mine)["Images"]
        return {each["ImageId"] for each in found}

    def run(self, command, *words):
        """(exit code, out, err)."""
        app = command()
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app.initialize(["--hub-folder", str(self.folder), *words])
            app.start()
        return (ended.value.code, *self.capsys.readouterr())


@pytest.fixture
def shelf(cloud, ec2, tmp_path, monkeypatch, capsys, request):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.chdir(tmp_path)
    return Shelf(cloud, tmp_path, f"hub-{abs(hash(request.node.name)) % 10**8}", capsys)


def test_an_image_is_copied_and_listed_with_a_state_for_each_region(shelf):
    made = shelf.image("k1" * 20)
    code, out, err = shelf.run(CopyApp, "hydro", "--to", THERE, "--look-again=0.1")
    (copy,) = shelf.images(THERE)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{HERE}: ready ({made})",
        f"{THERE}: copying ({copy})",
        f"{THERE}: ready ({copy})",
    ]
    # Its tags come along: repo:hydro finds it there.
    tags = {tag["Key"]: tag["Value"] for tag in shelf.shown(copy, THERE)["Tags"]}
    assert (tags[IMAGE_TAG], tags[STATUS_TAG]) == ("hydro", READY)
    machine = shelf.machine(copy, THERE)
    code, out, err = shelf.run(ImageLsApp, "--region", THERE)
    assert (code, err) == (0, "")
    head, line = (re.split("  +", row) for row in out.splitlines())
    row = dict(zip(head, line))
    assert (row["NAME"], row["KEY"], row["COMMIT"]) == ("hydro", "k1" * 6, "ba49126f")
    # 8 GiB in two regions.
    assert row["USD/MONTH"] == "<=0.80"
    assert f"{HERE} ready, {THERE} ready" in out
    code, out, _ = shelf.run(ShowApp, "hydro", "--region", THERE, "--json")
    (version,) = json.loads(out)["images"]
    used = {each["region"]: each["used_by"] for each in version["regions"]}
    named = "the configuration (repo:hydro)"
    assert used == {HERE: [named], THERE: [named, f"{machine} (running)"]}
    code, out, _ = shelf.run(ShowApp, f"hydro@{'k1' * 4}", "--region", THERE)
    assert code == 0 and copy in out and f"{machine} (running)" in out


def test_a_copy_goes_on_where_it_was_and_is_asked_for_once(shelf, ec2):
    shelf.image("once")
    ec2.change_settings(snapshot_seconds=1)
    asked = ("hydro", "--to", THERE, "--look-again=0.1")
    code, out, _ = shelf.run(CopyApp, *asked, "--no-wait")
    assert code == 0 and "copying" in out
    code, out, _ = shelf.run(CopyApp, *asked)
    assert code == 0 and out.endswith(f"ready ({[*shelf.images(THERE)][0]})\n")
    assert shelf.run(CopyApp, *asked)[0] == 0
    assert len(ec2.requests("CopyImage")) == 1


def test_where_a_copy_is_lost_the_same_one_is_asked_for_again(shelf, ec2):
    shelf.image("lost")
    ec2.add_fault(Fault("CopyImage", lose_answer=True, times=1))
    code, _, err = shelf.run(CopyApp, "hydro", "--to", THERE, "--look-again=0.1")
    assert (code, err) == (0, "")
    assert len(shelf.images(THERE)) == 1


def test_some_regions_are_some_success(shelf):
    shelf.image("some")
    to = ("--to", NOWHERE, "--to", THERE, "--look-again=0.1")
    code, out, err = shelf.run(CopyApp, "hydro", *to, "--json")
    states = {r["region"]: r["status"] for r in json.loads(out)["regions"]}
    assert states == {NOWHERE: "failed", THERE: "ready"}
    assert code == 3 and f"{NOWHERE}: failed" in err
    code, out, err = shelf.run(CopyApp, "hydro", "--to", NOWHERE)
    assert code == 1 and f"{NOWHERE}: failed" in err


def test_a_copy_that_ec2_cannot_make_is_said_and_made_again_next_time(shelf, ec2):
    shelf.image("closed")
    why = ("Client.InvalidKMSKey", "the key is closed")
    ec2.add_fault(Fault("CopyImage", state_reason=why, times=1))
    asked = ("hydro", "--to", THERE, "--look-again=0.1")
    code, _, err = shelf.run(CopyApp, *asked)
    assert code == 1 and "could not make it" in err
    assert shelf.run(CopyApp, *asked)[0] == 0
    (made,) = shelf.images(THERE)
    assert shelf.shown(made, THERE)["State"] == "available"


def test_prune_respects_machines_that_are_stopped_and_says_why_each_stays(shelf):
    # Those that are not ready are never the newest.
    stopped, old = (shelf.image(key, status="testing") for key in ("k1", "k2"))
    newest = shelf.image("k3")
    machine = shelf.machine(stopped)
    shelf.api[HERE].stop_instances(InstanceIds=[machine])
    shelf.cloud.control.wait_for_state(machine, "stopped")
    snapshots = {
        disk["Ebs"]["SnapshotId"] for disk in shelf.shown(old)["BlockDeviceMappings"]
    }
    wanted = ("--keep-last=1", "--unused-for=0d")
    code, out, err = shelf.run(PruneApp, *wanted, "--dry-run")
    assert (code, err) == (0, "")
    assert set(out.splitlines()) == {
        f"Stays: hydro {newest} in {HERE}: used by the configuration (repo:hydro)",
        f"Would delete: hydro {old} in {HERE}: its test was not ended",
        f"Stays: hydro {stopped} in {HERE}: used by {machine} (stopped)",
    }
    assert shelf.images(HERE) == {stopped, old, newest}
    code, out, _ = shelf.run(PruneApp, *wanted)
    assert code == 0 and f"Deleted: hydro {old}" in out
    assert shelf.images(HERE) == {stopped, newest}
    left = shelf.api[HERE].describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert not snapshots.intersection(each["SnapshotId"] for each in left)


def test_prune_leaves_a_region_alone_that_does_not_tell_who_uses_what(shelf, ec2):
    shelf.configure("ami-00000000000000000")
    made = [shelf.image(key) for key in ("k1", "k2")]
    ec2.add_fault(Fault("DescribeInstances", error=("UnauthorizedOperation", 403)))
    code, out, err = shelf.run(PruneApp, "--keep-last=1", "--unused-for=0d")
    assert (code, out) == (1, "") and HERE in err
    assert shelf.images(HERE) == set(made)


def test_an_image_is_shared_with_its_snapshots_and_no_more(shelf):
    made = shelf.image("shared")
    api = shelf.api[HERE]

    def allowed():
        image = {"ImageId": made, "Attribute": "launchPermission"}
        disk = shelf.shown(made)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        snapshot = {"SnapshotId": disk, "Attribute": "createVolumePermission"}
        return (
            api.describe_image_attribute(**image)["LaunchPermissions"],
            api.describe_snapshot_attribute(**snapshot)["CreateVolumePermissions"],
        )

    asked = ("hydro", "--account", FRIEND)
    code, out, _ = shelf.run(ShareApp, *asked)
    assert (code, out) == (0, f"Shared: {made} in {HERE} with {FRIEND}\n")
    assert allowed() == ([{"UserId": FRIEND}], [{"UserId": FRIEND}])
    assert shelf.run(ShareApp, *asked, "--stop")[0] == 0
    assert allowed() == ([], [])


def test_what_is_untested_is_not_shared_and_nobody_is_asked(shelf, ec2):
    shelf.image("untested", status="testing")
    code, _, err = shelf.run(ShareApp, "hydro", "--account", FRIEND)
    assert code == 1 and "has not passed its tests" in err
    assert not ec2.requests("ModifyImageAttribute")
    assert shelf.run(ShareApp, "hydro", "--account", "me")[0] == 2


def test_a_name_that_is_not_there_is_told_with_those_that_are(shelf):
    shelf.image("k1", label="ocean")
    code, _, err = shelf.run(CopyApp, "hydro", "--to", THERE)
    assert code == 2 and "has no image 'hydro'. They are: ocean" in err
    assert shelf.run(CopyApp, "--to", THERE)[0] == 2
    assert shelf.run(ShowApp, "hydro", "ocean")[0] == 2
    assert shelf.run(PruneApp, "--unused-for=soon")[0] == 2


@pytest.mark.parametrize(
    "command, words, code, complaint",
    [
        (TestApp, [], 2, "which image? Give its name"),
        (TestApp, ["no-such"], 2, "has no image 'no-such'"),
        (SaveApp, [], 2, "whose machine? Give a user's name"),
        (SaveApp, ["ada", "gpu", "more"], 2, "what is 'more'?"),
        (SaveApp, ["ada"], 2, "of ada has no machine, running or stopped: start it"),
    ],
)
def test_mistakes_about_images_are_one_plain_line(
    shelf, command, words, code, complaint
):
    found, _, err = shelf.run(command, *words)
    assert found == code and complaint in err and err.count("\n") == 1


def test_what_a_machine_of_an_image_cannot_get_is_one_line_and_changes_nothing(
    shelf, ec2
):
    made = shelf.image("k1" * 20)
    ec2.add_fault(Fault("RunInstances", error=("InsufficientInstanceCapacity", 500)))
    code, _, err = shelf.run(TestApp, "hydro")
    assert code == 1 and "InsufficientInstanceCapacity" in err
    assert err.count("\n") == 1
    tags = {tag["Key"]: tag["Value"] for tag in shelf.shown(made)["Tags"]}
    assert tags[STATUS_TAG] == READY
