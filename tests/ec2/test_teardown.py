"""``ec2spawner teardown`` against a local EC2 with two regions."""

from __future__ import annotations

import json
import secrets
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest

from ec2spawner.admin.hub_config import read_hub
from ec2spawner.admin.lock import only_one
from ec2spawner.admin.policy.needs import needs_of
from ec2spawner.admin.policy.statements import document, statements
from ec2spawner.admin.teardown import app as teardown
from ec2spawner.admin.teardown import delete as deleting
from ec2spawner.core.tags import (
    ARCHIVE_TAG,
    DATABASE_TAG,
    DISCARD_TAG,
    HOME_TAG,
    HUB_TAG,
    IMAGE_TAG,
    KEEP_TAG,
    LEASE_TAG,
)
from ec2spawner.hub.database.records import Records
from ec2spawner.settings import LaunchSettings
from localec2 import Fault

CONFIG = """
c = get_config()
c.JupyterHub.spawner_class = "ec2spawner.EC2Spawner"
c.JupyterHub.hub_connect_ip = "127.0.0.1"
c.JupyterHub.hub_port = {port}
c.EC2Spawner.hub_id = {hub_id!r}
c.EC2Spawner.region = {region!r}
c.EC2Spawner.endpoint_url = {url!r}
c.EC2Spawner.image = "ami-11111111"
c.EC2Spawner.profile_list = [
    {{"display_name": "Here"}},
    {{"display_name": "There", "ec2spawner_override": {{"region": "eu-west-1"}}}},
]
"""
LATER = "2999-01-01T00:00:00Z"


class Account:
    """What a hub has left over in a region, and what is of others."""

    def __init__(self, cloud, region, hub_id):
        self.hub_id = hub_id
        self.client = boto3.client("ec2", region_name=region)
        self.world = cloud.control.resources(region)

    def spec(self, kind, hub="", **tags):
        hub = hub or self.hub_id
        pairs = [{"Key": k, "Value": v} for k, v in {HUB_TAG: hub, **tags}.items()]
        return [{"ResourceType": kind, "Tags": pairs}]

    def machine(self, hub="", **tags):
        kinds = ("instance", "volume", "network-interface")
        return self.client.run_instances(
            ImageId=self.world.image_id,
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[s for k in kinds for s in self.spec(k, hub, **tags)],
        )["Instances"][0]["InstanceId"]

    def volume(self, hub="", **tags):
        return self.client.create_volume(
            AvailabilityZone=self.world.zones[0],
            Size=1,
            TagSpecifications=self.spec("volume", hub, **tags),
        )["VolumeId"]

    def snapshot(self, of, **tags):
        return self.client.create_snapshot(
            VolumeId=of, TagSpecifications=self.spec("snapshot", **tags)
        )["SnapshotId"]

    def address(self):
        return self.client.allocate_address(
            Domain="vpc", TagSpecifications=self.spec("elastic-ip")
        )["AllocationId"]

    def image(self, of):
        running = self.client.get_waiter("instance_running")
        running.wait(InstanceIds=[of], WaiterConfig={"Delay": 0.1})
        tags = {IMAGE_TAG: "lab"}
        return self.client.create_image(
            InstanceId=of,
            Name=f"lab-{of}",
            NoReboot=True,
            TagSpecifications=[
                *self.spec("image", **tags),
                *self.spec("snapshot", **tags),
            ],
        )["ImageId"]

    def left(self, hub=""):
        """The ids of all that has a hub's tag and has not ended."""
        ours = [{"Name": f"tag:{HUB_TAG}", "Values": [hub or self.hub_id]}]
        c = self.client
        machines = c.describe_instances(Filters=ours)["Reservations"]
        found = {
            i["InstanceId"]
            for each in machines
            for i in each["Instances"]
            if i["State"]["Name"] != "terminated"
        }
        for rows, name in (
            (c.describe_volumes(Filters=ours)["Volumes"], "VolumeId"),
            (c.describe_addresses(Filters=ours)["Addresses"], "AllocationId"),
            (c.describe_images(Filters=ours)["Images"], "ImageId"),
            (
                c.describe_network_interfaces(Filters=ours)["NetworkInterfaces"],
                "NetworkInterfaceId",
            ),
            (
                c.describe_snapshots(OwnerIds=["self"], Filters=ours)["Snapshots"],
                "SnapshotId",
            ),
        ):
            found |= {row[name] for row in rows}
        return found


@pytest.fixture
def regions(cloud, ec2, monkeypatch):
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    # Nothing in this EC2 takes minutes.
    monkeypatch.setattr(deleting, "_LOOK_SECONDS", 0.05)
    id = f"torn-{secrets.token_hex(4)}"
    made = [Account(cloud, cloud.region, id), Account(cloud, "eu-west-1", id)]
    yield made
    ec2.clear_faults()
    ec2.change_settings(policy={})
    for account in made:
        for id in account.left() | account.left("another"):
            if id.startswith("i-"):
                account.client.terminate_instances(InstanceIds=[id])


@pytest.fixture
def hub_id(regions):
    return regions[0].hub_id


@pytest.fixture
def run(cloud, regions, tmp_path, monkeypatch, capsys):
    """The command: (exit code, what it prints)."""
    config = tmp_path / "jupyterhub_config.py"

    def command(*words, typed=None, port=1):
        config.write_text(
            CONFIG.format(
                hub_id=regions[0].hub_id,
                region=cloud.region,
                url=cloud.endpoint_url,
                port=port,
            )
        )
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(teardown.TeardownApp, "hub", lambda self: read_hub(config))
        monkeypatch.setattr(teardown.sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda prompt: typed or "")
        app = teardown.TeardownApp()
        app.parse_command_line(list(words))
        with pytest.raises(SystemExit) as ended:
            app.start()
        told = capsys.readouterr()
        return ended.value.code, told

    command.config = config
    return command


def furnished(account):
    """One of each kind; (what goes, the homes)."""
    machine = account.machine()
    home = account.volume(**{HOME_TAG: "alice"})
    archive = account.snapshot(home, **{ARCHIVE_TAG: home})
    account.volume(), account.address(), account.image(machine)
    return account.left() - {home, archive}, {home, archive}


def test_a_hub_is_deleted_in_all_regions_but_for_its_homes(run, regions, hub_id):
    here, there = regions
    homes = [furnished(account)[1] for account in regions]
    others = there.machine(hub="another")
    code, told = run("--dry-run")
    assert code == 0 and "To be deleted: " in told.out
    # Snapshots of images go with these, and are not named.
    names = {i for each in regions for i in each.left() if not i.startswith("snap-")}
    assert all(id in told.out for id in names)
    everything = [account.left() for account in regions]
    assert run(typed="something else")[0] == 2
    assert [account.left() for account in regions] == everything

    code, told = run(typed=hub_id)
    assert code == 0, told.err
    assert [account.left() for account in regions] == homes
    assert others in there.left("another")

    code, told = run("--homes", "--yes-delete", hub_id)
    assert code == 0, told.err
    assert here.left() == there.left() == set()
    # Again: nothing is there, and all is well.
    code, told = run("--homes", "--yes-delete", hub_id)
    assert (
        code == 0 and f"Hub {hub_id} has nothing in us-west-2, eu-west-1." in told.out
    )


def test_what_could_not_be_deleted_is_told_and_the_next_run_deletes_it(
    run, regions, hub_id, ec2
):
    here, _ = regions
    goes, homes = furnished(here)
    ec2.change_settings(denied=["ReleaseAddress"])
    code, told = run("--yes-delete", hub_id)
    assert code == 1 and "cannot delete address eipalloc-" in told.err
    assert {id.split("-")[0] for id in here.left() - homes} == {"eipalloc"}, told.err
    ec2.change_settings(denied=[])
    assert run("--yes-delete", hub_id)[0] == 0
    assert here.left() == homes


def test_it_can_be_interrupted_and_run_again(run, regions, hub_id, monkeypatch):
    here, _ = regions
    goes, homes = furnished(here)
    deleted = []

    async def interrupted(clients, each, gone=deleting._gone):
        if len(deleted) == 2:
            raise KeyboardInterrupt
        deleted.append(each)
        return await gone(clients, each)

    with monkeypatch.context() as patch:
        patch.setattr(deleting, "_gone", interrupted)
        code, told = run("--yes-delete", hub_id)
        assert code == 1 and "run it again" in told.err
    assert here.left() - homes
    assert run("--yes-delete", hub_id)[0] == 0
    assert here.left() == homes


def test_a_home_is_discarded_first_as_the_hubs_own_role_needs_it(
    run, regions, hub_id, ec2
):
    here, _ = regions
    home = here.volume(**{HOME_TAG: "alice"})
    ec2.clear_requests()
    assert run("--homes", "--yes-delete", hub_id)[0] == 0
    calls = [
        (r.action, r.params.get("Tag.1.Key"))
        for r in ec2.requests()
        if home in r.params.values()
    ]
    assert calls[-2:] == [("CreateTags", DISCARD_TAG), ("DeleteVolume", None)]


def test_the_hubs_own_role_is_enough_for_all_of_it(run, regions, hub_id, ec2):
    here, there = regions
    for account in regions:
        furnished(account)
    settings = LaunchSettings(image="ami-11111111", home="user", home_may_move=True)
    needs = needs_of(
        settings,
        hub_id,
        [account.world.region for account in regions],
        for_images=True,
    )
    ec2.change_settings(policy=document(statements(needs)))
    code, told = run("--homes", "--yes-delete", hub_id)
    assert code == 0, told.err
    assert here.left() == there.left() == set()


def test_what_a_person_keeps_stays(run, regions, hub_id):
    here, _ = regions
    kept = here.machine(**{KEEP_TAG: "true"})
    code, told = run("--yes-delete", hub_id)
    assert code == 0 and "a person keeps it" in told.out
    assert kept in here.left()
    here.client.delete_tags(Resources=[kept], Tags=[{"Key": KEEP_TAG}])


def test_a_region_that_does_not_answer_is_told_and_the_other_is_deleted(
    run, regions, hub_id, ec2
):
    here, there = regions
    for account in regions:
        account.volume()
    ec2.add_fault(
        Fault("Describe*", error=["AuthFailure", 401, "no"], region="eu-west-1")
    )
    code, told = run("--yes-delete", hub_id)
    assert code == 1 and "eu-west-1: " in told.err
    ec2.clear_faults()
    assert here.left() == set() and there.left()
    ec2.add_fault(Fault("Describe*", error=["AuthFailure", 401, "no"]))
    code, told = run("--dry-run")
    assert code == 1 and f"What hub {hub_id} has, AWS does not tell." in told.out
    ec2.clear_faults()
    assert run("--yes-delete", hub_id)[0] == 0


@contextmanager
def something_at(answer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *words):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_nothing_is_deleted_while_a_hub_with_the_id_runs_unless_it_is_forced(
    run, regions, hub_id
):
    here, _ = regions
    volume = here.volume()
    with something_at(b'{"version": "6.1.1"}') as port:
        code, told = run("--yes-delete", hub_id, port=port)
        assert code == 3 and "a Hub answers at http://127.0.0.1:" in told.err
        assert volume in here.left()
        assert run("--dry-run", port=port)[0] == 0
        assert run("--yes-delete", hub_id, "--force", port=port)[0] == 0
    assert here.left() == set()


def test_another_hub_with_the_id_is_noticed_by_its_machines(
    run, regions, hub_id, monkeypatch
):
    here, _ = regions
    machine = here.machine(**{DATABASE_TAG: "theirs", LEASE_TAG: LATER})
    records = Records(database="ours")
    monkeypatch.setattr(
        "ec2spawner.admin.collect.read_database", lambda url, options: records
    )
    code, told = run("--yes-delete", hub_id)
    assert code == 3 and "another Hub has this hub_id" in told.err
    assert machine in here.left()


def test_scripts_must_name_the_hub_and_get_json(run, regions, hub_id, monkeypatch):
    here, _ = regions
    volume = here.volume()
    code, told = run("--yes-delete", "another")
    assert code == 2 and f"this hub is {hub_id!r}: nothing is deleted" in told.err
    code, told = run("--json")
    assert code == 2 and f"give --yes-delete {hub_id}" in told.err
    code, told = run("--json", "--yes-delete", hub_id)
    found = json.loads(told.out)
    assert code == 0 and [t["id"] for t in found["things"]] == [volume]
    assert found["things"][0]["deleted"]


def test_two_at_once_on_this_computer_are_one_too_many(run, regions, hub_id):
    run("--dry-run")
    with only_one(run.config):
        code, told = run("--dry-run")
    assert code == 4 and "is at work" in told.err
