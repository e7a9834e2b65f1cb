"""From an empty folder to a user's round and to the end: `ec2spawner init`, its hub,
and `ec2spawner teardown`.

A Hub starts here, because only that shows that what is written is enough for one.
"""

import os
from pathlib import Path

import pytest

from ec2spawner.core.tags import HOME_TAG, HUB_TAG
from tests.cloudformation import HereStack, image_of_hub

from .conftest import api_of, eventually, living
from .hub_process import TINY_COMMAND, HubProcess
from .warm import Forked

CONFIG = Path(__file__).with_name("written_config.py")
# Who has an account on every computer: the user-data makes those of others.
USER = "daemon"


@pytest.fixture
def written(cloud, tmp_path):
    """What somebody gets who takes the defaults."""
    words = ["init", "lab", "--yes", "--region", cloud.region, "--users", USER]
    run(*words, cwd=tmp_path, env=dict(os.environ))
    return tmp_path / "lab"


@pytest.fixture
def stack(cloud, ec2, written):
    parameters = {"HubImage": ec2.resources().image_id}
    made = HereStack(cloud, (written / "hub.yaml").read_text(), parameters)
    yield made
    # What machines use cannot be deleted.
    eventually(lambda: not [m for m in ec2.machines() if m.state != "terminated"])
    made.delete()


def left_of(cloud):
    """All that carries the tag of the hub in AWS."""
    api, ours = api_of(cloud), [{"Name": f"tag:{HUB_TAG}", "Values": ["lab-hub"]}]
    found = [
        (kind, each)
        for kind, answer in {
            "Volumes": api.describe_volumes(Filters=ours),
            "Snapshots": api.describe_snapshots(Filters=ours),
            "Images": api.describe_images(Filters=ours),
            "NetworkInterfaces": api.describe_network_interfaces(Filters=ours),
        }.items()
        for each in answer[kind]
    ]
    machines = api.describe_instances(Filters=ours)["Reservations"]
    states = [m["State"]["Name"] for r in machines for m in r["Instances"]]
    return found + [("machine", s) for s in states if s != "terminated"]


@pytest.fixture
def image(cloud):
    with image_of_hub(cloud, "lab-hub", "lab") as made:
        yield made


@pytest.fixture
async def hub(cloud, ec2, stack, image, tmp_path):
    """As the hub's computer starts it, from the files of its user-data."""
    folder = tmp_path / "srv-jupyterhub"
    folder.mkdir()
    for name in ("aws.json", "jupyterhub_config.py"):
        (folder / name).write_text(stack.file(name))
    made = HubProcess(folder, cloud, {"cmd": TINY_COMMAND}, config=CONFIG)
    # It may do what its role may, and nothing else.
    ec2.change_settings(policy=stack.rights)
    await made.start()
    yield made
    made.kill()
    ec2.change_settings(policy={})


async def test_from_an_empty_folder_to_a_users_round_and_nothing_is_left(
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
    # What is theirs stays, until somebody says that it goes.
    hub.stop()
    teardown(hub)
    [(kind, home)] = left_of(cloud)
    assert kind == "Volumes" and home["Size"] == 20 and home["Encrypted"]
    assert HOME_TAG in {tag["Key"] for tag in home["Tags"]}
    teardown(hub, "--homes")
    # What is deleted is still listed for a moment.
    eventually(lambda: left_of(cloud) == [])


def teardown(hub, *words):
    words = ("teardown", "--yes-delete=lab-hub", "-f", str(CONFIG), *words)
    run(*words, cwd=hub.folder, env=hub.environment())


def run(*words, cwd, env):
    """One of our commands, which must do what it shall."""
    log = cwd / "command.log"
    code = Forked(["ec2spawner", *words], cwd, env, log).wait(120)
    assert code == 0, log.read_text()
