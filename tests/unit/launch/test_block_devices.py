import pytest
from traitlets import TraitError

from ec2spawner.core.errors import EC2SpawnError
from ec2spawner.ec2.facts import Image
from ec2spawner.launch.block_devices import data_devices
from ec2spawner.launch.plan import LaunchIdentity, fingerprint, plan_launch
from ec2spawner.settings import LaunchSettings

SNAPSHOT, OTHER = "snap-0123456789abcdef0", "snap-89abcdef"
WHO = LaunchIdentity("hub", "server", "launch", "alice", "")
IMAGE = Image("ami-1", "/dev/sda1", "arm64", frozenset({"/dev/sda1"}))


def volume(path="/data/dem", snapshot=SNAPSHOT):
    return {"snapshot_id": snapshot, "mount_path": path}


def request(*volumes, image=IMAGE):
    settings = LaunchSettings(data_volumes=list(volumes))
    return plan_launch(settings, image, WHO, b"").candidates[0].request


def test_a_volume_is_made_of_the_snapshot_and_goes_with_the_machine():
    _, data = request(volume())["BlockDeviceMappings"]
    assert data == {
        "DeviceName": "/dev/sdg",
        "Ebs": {
            "SnapshotId": SNAPSHOT,
            "VolumeType": "gp3",
            "DeleteOnTermination": True,
        },
    }


def test_no_volume_has_the_device_of_the_home_or_of_the_image():
    image = Image(
        "ami-1", "/dev/xvda", devices=frozenset({"/dev/xvda", "/dev/sdg", "/dev/xvdi"})
    )
    disks = request(volume("/a"), volume("/b"), volume("/c"), image=image)
    names = [disk["DeviceName"] for disk in disks["BlockDeviceMappings"]]
    assert names == ["/dev/xvda", "/dev/sdh", "/dev/sdj", "/dev/sdk"]


def test_an_image_that_leaves_no_room_for_the_data_is_told_in_words():
    full = Image("ami-1", "/dev/sda1", devices=frozenset(f"/dev/sd{c}" for c in "ghij"))
    volumes = [volume(f"/data/{n}") for n in range(7)]
    settings = LaunchSettings(data_volumes=volumes)
    with pytest.raises(EC2SpawnError, match="room for 6 of the 7"):
        data_devices(settings, full)


def test_a_machine_with_other_data_is_not_the_same():
    assert fingerprint(request(volume())) != fingerprint(request())
    assert fingerprint(request(volume())) != fingerprint(
        request(volume(snapshot=OTHER))
    )


@pytest.mark.parametrize(
    "wrong, why",
    [
        ([volume("data")], "in full"),
        ([volume("/data/")], "in full"),
        ([volume("/data/../etc")], "in full"),
        ([volume("//data")], "machine"),
        ([volume("/data\n")], "characters"),
        ([volume("/")], "machine"),
        ([volume("/usr")], "machine"),
        ([volume("/proc/1")], "machine"),
        ([volume("/var/lib/ec2spawner/home")], "machine"),
        ([volume(snapshot="vol-0123456789abcdef0")], "snapshot"),
        ([volume(snapshot="snap-0123")], "snapshot"),
        ([volume(), volume(snapshot=OTHER)], "hide"),
        ([volume("/data"), volume("/data/dem")], "hide"),
        ([volume("/data/dem"), volume("/data")], "hide"),
        ([{"snapshot_id": SNAPSHOT}], "mount_path"),
        ([{**volume(), "read_only": "no"}], "nothing else"),
        ([volume(f"/data/{n}") for n in range(11)], "at most"),
    ],
)
def test_what_cannot_be_mounted_is_refused(wrong, why):
    with pytest.raises(TraitError, match=why):
        LaunchSettings(data_volumes=wrong)


def test_paths_may_be_neighbours_and_in_the_home():
    paths = ["/data/dem", "/data/dem2", "/home/jovyan/shared"]
    settings = LaunchSettings(data_volumes=[volume(path) for path in paths])
    assert list(data_devices(settings, IMAGE)) == paths
