"""From an empty folder to a user's round: `ec2spawner init` and what it has written.

A Hub starts here, because only that shows that what is written is enough for one.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from ec2spawner.core.tags import HOME_TAG, HUB_TAG
from tests.cloudformation import Stack, image_of_hub

from .conftest import api_of, eventually, living
from .hub_process import TINY_COMMAND, HubProcess

COMMAND = Path(sys.executable).with_name("ec2spawner")
CONFIG = Path(__file__).with_name("written_config.py")
# Who has an account on every computer: the user-data makes those of others.
USER = "daemon"


@pytest.fixture
def written(cloud, tmp_path):
    """What somebody gets who takes the defaults."""
    words = [COMMAND, "init", "lab", "--yes", "--region", cloud.region]
    words += ["--users", USER]
    subprocess.run(words, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    return tmp_path / "lab"


@pytest.fixture
def stack(cloud, ec2, written):
    parameters = {"HubImage": ec2.resources().image_id}
    made = Stack(cloud, (written / "hub.yaml").read_text(), parameters)
    yield made
    # What machines use cannot be deleted.
    eventually(lambda: not [m for m in ec2.machines() if m.state != "terminated"])
    for home in homes_in(cloud):
        api_of(cloud).delete_volume(VolumeId=home["VolumeId"])
    made.delete()


def homes_in(cloud):
    filters = [
        {"Name": f"tag:{HUB_TAG}", "Values": ["lab-hub"]},
        {"Name": "tag-key", "Values": [HOME_TAG]},
    ]
    return api_of(cloud).describe_volumes(Filters=filters)["Volumes"]


@pytest.fixture
def image(cloud):
    with image_of_hub(cloud, "lab-hub", "lab") as made:
        yield made


@pytest.fixture
async def hub(cloud, stack, image, tmp_path):
    """As the hub's computer starts it, from the files of its user-data."""
    folder = tmp_path / "srv-jupyterhub"
    folder.mkdir()
    for name in ("aws.json", "jupyterhub_config.py"):
        (folder / name).write_text(stack.file(name))
    made = HubProcess(folder, cloud, {"cmd": TINY_COMMAND}, config=CONFIG)
    await made.start()
    yield made
    made.kill()


async def test_from_an_empty_folder_to_a_users_round(
    hub, written, stack, image, cloud, ec2
):
    written_config = (written / "jupyterhub_config.py").read_text()
    assert (hub.folder / "jupyterhub_config.py").read_text() == written_config
    await hub.ready_server(USER)
    (machine,) = living(ec2)
    api = api_of(cloud)
    answer = api.describe_instances(InstanceIds=[machine.instance_id])
    [found] = answer["Reservations"][0]["Instances"]
    assert found["InstanceType"] == "t3.medium" and found["ImageId"] == image
    assert [g["GroupId"] for g in found["SecurityGroups"]] == [
        stack.names["MachinesGroup"]
    ]
    assert found["SubnetId"] in (stack.names["SubnetA"], stack.names["SubnetB"])
    assert "IamInstanceProfile" not in found
    await hub.stop_server(USER)
    assert living(ec2) == []
    assert "Traceback" not in hub.log
    # What is theirs stays.
    [home] = homes_in(cloud)
    assert home["Size"] == 20 and home["Encrypted"]
