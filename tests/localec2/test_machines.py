"""Process machines: real, apart from their surroundings, and gone when gone."""

from __future__ import annotations

import gzip
import json
import os
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from .conftest import describe, eventually, refused

IDLE = "#!/bin/sh\nexec sleep 1000\n"


def boot(cloud, launch, script: str | bytes, **more):
    """(instance, machine) of a machine that runs a script as its init."""
    made = launch(UserData=script, **more)
    return made, cloud.control.wait_for_state(made["InstanceId"], "running")


def console(ec2, made) -> str:
    return str(ec2.get_console_output(InstanceId=made["InstanceId"]).get("Output", ""))


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


def test_the_machine_serves_on_its_own_address(cloud, ec2, launch):
    script = (
        "#!/usr/bin/env python3\n"
        "import http.server, os, urllib.request as u\n"
        "base = os.environ['AWS_EC2_METADATA_SERVICE_ENDPOINT'] + '/latest/'\n"
        "ask = u.Request(base + 'api/token', method='PUT',\n"
        "    headers={'X-aws-ec2-metadata-token-ttl-seconds': '60'})\n"
        "token = u.urlopen(ask).read().decode()\n"
        "ask = u.Request(base + 'meta-data/local-ipv4',\n"
        "    headers={'X-aws-ec2-metadata-token': token})\n"
        "ip = u.urlopen(ask).read().decode()\n"
        "http.server.test(http.server.SimpleHTTPRequestHandler, bind=ip, port=8000)\n"
    )
    one, _ = boot(cloud, launch, script)
    two, _ = boot(cloud, launch, script)
    for made in (one, two):
        url = f"http://{made['PrivateIpAddress']}:8000/"

        def answers(url: str = url) -> bool:
            try:
                return urllib.request.urlopen(url, timeout=2).status == 200
            except OSError:
                return False

        eventually(answers)


def test_the_environment_is_the_machines_own(cloud, ec2, launch, monkeypatch):
    made, machine = boot(cloud, launch, "#!/bin/sh\nenv\nexec sleep 1000\n")
    text = eventually(lambda: "HOME=" in console(ec2, made) and console(ec2, made))
    names = {line.split("=")[0] for line in text.splitlines() if "=" in line}
    assert not [n for n in names if n.startswith(("JUPYTERHUB", "PYTEST"))]
    assert [n for n in names if n.startswith("AWS_")] == [
        "AWS_EC2_METADATA_SERVICE_ENDPOINT"
    ]
    assert f"HOME={machine.folder}/home" in text
    assert f"EC2SPAWNER_LOCAL={cloud.cloud_id}/{made['InstanceId']}" in text


def test_no_unit_of_this_computer_is_a_machines(cloud, ec2, launch):
    made, _ = boot(
        cloud, launch, "#!/bin/sh\nsystemd-run true\necho rc $?\nexec sleep 1000\n"
    )
    said = eventually(lambda: (text := console(ec2, made)) and "rc" in text and text)
    assert "a process machine has no systemd" in said and "rc 1" in said


def test_jupyter_of_the_surrounding_environment_is_found(cloud, ec2, launch):
    script = "#!/bin/sh\njupyter-server --version\nexec sleep 1000\n"
    made, machine = boot(cloud, launch, script)
    eventually(lambda: any(x.isdigit() for x in console(ec2, made).split("data")[-1]))
    config = Path(machine.folder) / "etc/jupyter/jupyter_server_config.json"
    assert json.loads(config.read_text()) == {
        "ServerApp": {"allow_root": os.geteuid() == 0}
    }


def test_gzipped_user_data_is_unpacked(cloud, ec2, launch):
    script = gzip.compress(b"#!/bin/sh\necho unpacked\nexec sleep 1000\n")
    made, machine = boot(cloud, launch, script)
    eventually(lambda: "unpacked" in console(ec2, made))
    stored = Path(machine.folder) / "user-data"
    assert stored.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("data", [None, "#cloud-config\n"], ids=["none", "other"])
def test_without_a_script_the_machine_idles(cloud, ec2, launch, data):
    made, machine = boot(cloud, launch, data)
    assert machine.pids
    eventually(lambda: "idling" in console(ec2, made))
    assert describe(ec2, made["InstanceId"])["State"]["Name"] == "running"


@pytest.mark.proves("console")
def test_console_output_is_the_last_64_kilobytes(cloud, ec2, launch):
    script = "#!/bin/sh\necho beginning\nseq 1 20000\necho the end\nexec sleep 1000\n"
    made, _ = boot(cloud, launch, script)
    eventually(lambda: console(ec2, made).rstrip().endswith("the end"))
    answer = ec2.get_console_output(InstanceId=made["InstanceId"])
    assert len(answer["Output"].encode()) == 64 * 1024
    assert "beginning" not in answer["Output"]
    assert answer["Timestamp"].year >= 2026


@pytest.mark.proves("console")
def test_console_output_can_be_late(cloud, ec2, launch):
    cloud.control.change_settings(console_delay_seconds=60)
    made, _ = boot(cloud, launch, "#!/bin/sh\necho hello\nexec sleep 1000\n")
    assert console(ec2, made) == ""


ESCAPES = """#!/bin/sh
setsid sleep 1001 &
(setsid sh -c 'sleep 1002 & exec sleep 1003' &)
env -i sleep 1004 &
trap '' TERM HUP
python3 -c '
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.setsid() if os.fork() == 0 else None
time.sleep(1005)' &
echo started
while :; do sleep 1006; done
"""


@pytest.mark.parametrize("end", ["terminate", "stop", "crash"])
def test_nothing_of_a_machine_outlives_it(cloud, ec2, launch, end):
    cloud.control.change_settings(stop_grace_seconds=0.3, terminate_grace_seconds=0.3)
    made, machine = boot(cloud, launch, ESCAPES)
    name = made["InstanceId"]
    eventually(lambda: len(cloud.control.machine(name).pids) >= 9)
    pids = cloud.control.machine(name).pids
    if end == "terminate":
        ec2.terminate_instances(InstanceIds=[name])
        cloud.control.wait_for_state(name, "terminated")
        assert not os.path.exists(machine.folder)
    elif end == "stop":
        ec2.stop_instances(InstanceIds=[name])
        cloud.control.wait_for_state(name, "stopped")
        assert os.path.exists(machine.folder)
    else:
        cloud.control.crash(name)
    assert eventually(lambda: not alive(pids))


def test_a_stop_lets_the_machine_end_by_itself(cloud, ec2, launch):
    script = (
        "#!/bin/sh\ntrap 'echo goodbye > $HOME/last-words; exit 0' TERM\n"
        "echo ready\nwhile :; do sleep 0.05; done\n"
    )
    made, machine = boot(cloud, launch, script)
    eventually(lambda: "ready" in console(ec2, made))
    ec2.stop_instances(InstanceIds=[made["InstanceId"]])
    cloud.control.wait_for_state(made["InstanceId"], "stopped")
    words = Path(machine.folder) / "home" / "last-words"
    assert words.read_text() == "goodbye\n"


def test_a_crashed_machine_is_running_and_impaired(cloud, ec2, launch):
    made, _ = boot(cloud, launch, IDLE)
    name = made["InstanceId"]
    cloud.control.crash(name)
    assert cloud.control.machine(name).pids == []
    assert describe(ec2, name)["State"]["Name"] == "running"
    shown = ec2.describe_instance_status(InstanceIds=[name])["InstanceStatuses"][0]
    assert shown["InstanceStatus"]["Status"] == "impaired"
    ec2.reboot_instances(InstanceIds=[name])
    eventually(lambda: cloud.control.machine(name).pids)
    shown = ec2.describe_instance_status(InstanceIds=[name])["InstanceStatuses"][0]
    assert shown["InstanceStatus"]["Status"] == "ok"


def test_a_frozen_machine_thaws(cloud, ec2, launch):
    ticks = "#!/bin/sh\nwhile :; do echo tick; sleep 0.05; done\n"
    made, machine = boot(cloud, launch, ticks)
    eventually(lambda: "tick" in console(ec2, made))
    cloud.control.freeze(made["InstanceId"])
    states = {
        Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        for pid in cloud.control.machine(made["InstanceId"]).pids
    }
    assert states == {"T"}
    before = console(ec2, made)
    cloud.control.thaw(made["InstanceId"])
    eventually(lambda: len(console(ec2, made)) > len(before))


def test_a_failed_host(cloud, ec2, launch):
    made, _ = boot(cloud, launch, IDLE)
    cloud.control.fail_machine(made["InstanceId"], "Server.InternalError", "gone")
    cloud.control.wait_for_state(made["InstanceId"], "terminated")
    shown = describe(ec2, made["InstanceId"])["StateReason"]
    assert shown["Code"] == "Server.InternalError"


# ---- the metadata service


def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, method=method)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"


@pytest.fixture
def imds(cloud, launch):
    made, machine = boot(cloud, launch, IDLE.encode() + b"# \xff\x00 raw")
    base = f"{machine.metadata_url}/latest/"
    status, token = ask(base + "api/token", "PUT", **{TTL: "60"})
    assert status == 200

    def get(path: str, **headers: str) -> tuple[int, bytes]:
        return ask(base + path, **{TOKEN: token.decode(), **headers})

    return made, base, get


@pytest.mark.proves("imds-token")
def test_metadata_needs_a_token(imds):
    _, base, get = imds
    assert get("meta-data/instance-id")[0] == 200
    assert ask(base + "meta-data/instance-id")[0] == 401
    assert get("meta-data/instance-id", **{TOKEN: "invented"})[0] == 401
    assert ask(base + "api/token", "PUT")[0] == 400
    for ttl in ("0", "21601", "soon"):
        assert ask(base + "api/token", "PUT", **{TTL: ttl})[0] == 400


@pytest.mark.proves("imds-token")
def test_a_token_ends_with_its_time(imds):
    _, base, _ = imds
    _, token = ask(base + "api/token", "PUT", **{TTL: "1"})
    path = base + "meta-data/instance-id"
    assert ask(path, **{TOKEN: token.decode()})[0] == 200
    eventually(lambda: ask(path, **{TOKEN: token.decode()})[0] == 401)


@pytest.mark.proves("imds-forwarded")
def test_metadata_is_not_for_proxies(imds):
    _, base, get = imds
    assert get("meta-data/instance-id", X_Forwarded_For="1.2.3.4")[0] == 403
    headers = {TTL: "60", "X-Forwarded-For": "1.2.3.4"}
    assert ask(base + "api/token", "PUT", **headers)[0] == 403


@pytest.mark.proves("imds-content")
def test_metadata_tells_the_machine_who_it_is(cloud, imds, world):
    made, _, get = imds
    for path, value in {
        "instance-id": made["InstanceId"],
        "local-ipv4": made["PrivateIpAddress"],
        "instance-type": "m5.large",
        "placement/availability-zone": world.zones[0],
        "placement/region": "us-west-2",
        "ami-id": world.image_id,
        "mac": made["NetworkInterfaces"][0]["MacAddress"],
    }.items():
        assert get(f"meta-data/{path}") == (200, value.encode())
    assert get("user-data") == (200, IDLE.encode() + b"# \xff\x00 raw")
    document = json.loads(get("dynamic/instance-identity/document")[1])
    assert document["instanceId"] == made["InstanceId"]
    assert b"instance-id" in get("meta-data/")[1].split(b"\n")
    assert get("meta-data/nothing")[0] == 404
    assert get("meta-data/spot/instance-action")[0] == 404


@pytest.mark.proves("imds-content", "spot-interruption")
def test_a_spot_notice_is_in_the_metadata(cloud, imds):
    made, _, get = imds
    cloud.control.spot_notice(made["InstanceId"], seconds=60)
    notice = json.loads(get("meta-data/spot/instance-action")[1])
    assert notice["action"] == "terminate"


@pytest.mark.proves("imds-content")
def test_without_user_data_there_is_none(cloud, launch):
    _, machine = boot(cloud, launch, None)
    base = f"{machine.metadata_url}/latest/"
    _, token = ask(base + "api/token", "PUT", **{TTL: "60"})
    assert ask(base + "user-data", **{TOKEN: token.decode()})[0] == 404


@pytest.mark.proves("imds-content")
def test_metadata_ends_with_the_machine(cloud, ec2, imds):
    made, base, _ = imds
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    cloud.control.wait_for_state(made["InstanceId"], "terminated")
    with pytest.raises(OSError):
        ask(base + "meta-data/instance-id")


def test_a_key_pair_and_its_errors(ec2, world, launch):
    made = launch(KeyName=world.key_name)
    assert describe(ec2, made["InstanceId"])["KeyName"] == world.key_name
    got = refused(ec2.get_console_output, InstanceId="i-0123456789abcdef0")
    assert got[0] == "InvalidInstanceID.NotFound"
