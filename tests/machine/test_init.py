"""The hub's computer of `ec2spawner init`, from its first boot to a user's round.

Its user-data installs the hub from this repository and the package index that is
configured here. Slow: it installs. It boots Debian 12: the Ubuntu of the tests has no
apt.
"""

import base64
import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest

from ec2spawner.admin.init.answers import Answers
from ec2spawner.admin.init.config import config_of
from ec2spawner.admin.init.stack import stack_of
from ec2spawner.demo.ports import free_ports
from localec2.net.this_computer import ways
from localec2.roots.roots import kept
from tests.cloudformation import HereStack, image_of_hub
from tests.wheel import make_wheel

from ..hub.conftest import eventually, living
from ..hub.hub_process import ADMIN_TOKEN, TINY_SERVER
from .guest import Guest

HUB = Answers("us-west-2", "lab-hub", "", ("ada",), ("t3.medium",), 0, 1, 60)


@pytest.fixture
def wheel(tmp_path):
    return make_wheel(tmp_path)


class Desk(http.server.ThreadingHTTPServer):
    """Has files for the hub's computer, and hears when the hub answers."""

    def __init__(self, address, folder):
        self.heard = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=folder)

            def do_PUT(self):
                length = int(self.headers["Content-Length"])
                self.server.heard.append(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__((address, 0), Handler)
        self.url = f"http://{address}:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def desk(cloud, wheel):
    with Desk(cloud.hub_address, wheel.parent) as made:
        yield made
        made.shutdown()


class RealStack(HereStack):
    """With a computer for the hub, which boots."""

    def __init__(self, cloud, text, parameters, ready_url):
        self.ready_url = ready_url
        super().__init__(cloud, text, parameters)

    def makers(self):
        return super().makers() | {
            "AWS::EC2::NetworkInterface": self._some_address,
        }

    def _some_address(self, properties):
        # An address of the subnet: EC2 takes no interface that is there already here.
        self._subnet_id, self._groups = properties["SubnetId"], properties["GroupSet"]
        [found] = self.ec2.describe_subnets(SubnetIds=[self._subnet_id])["Subnets"]
        address = found["CidrBlock"].rpartition(".")[0] + ".77"
        return {"": "eni", ".PrimaryPrivateIpAddress": address}

    def _computer(self, properties):
        super()._computer(properties)
        made = self.ec2.run_instances(
            ImageId=properties["ImageId"],
            InstanceType=properties["InstanceType"],
            MinCount=1,
            MaxCount=1,
            IamInstanceProfile={"Name": properties["IamInstanceProfile"]},
            MetadataOptions=properties["MetadataOptions"],
            UserData=self.user_data,
            NetworkInterfaces=[
                {
                    "DeviceIndex": 0,
                    "SubnetId": self._subnet_id,
                    "Groups": self._groups,
                    "PrivateIpAddress": self.names[
                        "HubInterface.PrimaryPrivateIpAddress"
                    ],
                }
            ],
        )["Instances"][0]["InstanceId"]
        waiter = self.ec2.get_waiter("instance_running")
        waiter.wait(InstanceIds=[made], WaiterConfig={"Delay": 1, "MaxAttempts": 180})
        self._undo.append(lambda: self.end(made))
        for volume in properties["Volumes"]:
            self.ec2.attach_volume(InstanceId=made, **volume)
        return {"": made}

    def end(self, machine):
        self.ec2.terminate_instances(InstanceIds=[machine])
        waiter = self.ec2.get_waiter("instance_terminated")
        waiter.wait(
            InstanceIds=[machine], WaiterConfig={"Delay": 1, "MaxAttempts": 180}
        )


@pytest.fixture
def stack(cloud, ec2, desk, wheel):
    ec2.change_settings(**ways(kept()))
    parameters = {
        "HubImage": ec2.resources().image_id,
        "Package": f"ec2spawner @ {desk.url}/{wheel.name}",
    }
    template = stack_of(config_of(HUB)).template
    made = RealStack(cloud, template, parameters, f"{desk.url}/ready")
    yield made
    ec2.change_settings(outside=[], index_urls=[])
    for machine in living(ec2):  # a test that failed leaves one
        made.end(machine.instance_id)
    made.delete()


# From a port to another computer's. EC2 is asked for 127.0.0.1 only.
FORWARD = """
import socket, sys, threading
def pump(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    other.close()
_, here, port, there, its_port = sys.argv
listening = socket.create_server((here, int(port)))
while True:
    one, _ = listening.accept()
    other = socket.create_connection((there, int(its_port)))
    for pair in ((one, other), (other, one)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
"""
# What is not as on AWS: where EC2 is, who the hub is there, and a token for the test.
HERE = """
import os
os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "test"
c.EC2Spawner.endpoint_url = {endpoint!r}
c.EC2Spawner.prices_region = ""
c.EC2Spawner.cmd = ["python3", "-c", {server!r}]
c.JupyterHub.services.append({{"name": "tests", "api_token": {token!r}}})
scopes = ["admin:users", "admin:servers"]
c.JupyterHub.load_roles.append(
    {{"name": "tests", "scopes": scopes, "services": ["tests"]}}
)
"""

# As a browser does, through traefik. It prints the answer's status.
LOG_IN = """
cd $(mktemp -d)
page=http://127.0.0.1:8000/hub/login
curl -s -c jar -o /dev/null $page
xsrf=$(awk '/_xsrf/ {print $7}' jar)
curl -s -b jar -o /dev/null -w '%{http_code}' \\
    --data-urlencode "_xsrf=$xsrf" -d username=ada -d "password=$1" $page
"""


class HubThere:
    """The hub on its own computer, spoken to from there."""

    def __init__(self, guest):
        self.guest = guest

    def api(self, method, path):
        curl = f"curl -s -X {method} -H 'Authorization: token {ADMIN_TOKEN}'"
        address = f"http://127.0.0.1:8081/hub/api{path}"
        text = self.guest.run(f"{curl} {address}", check=False)
        return json.loads(text) if text.startswith("{") else None

    def is_ready(self, user):
        model = self.api("GET", f"/users/{user}")
        return model and model["servers"].get("", {}).get("ready")


@pytest.fixture
def hub(stack, desk, cloud, ec2, image):
    """Started by its computer's first boot, and then shown where EC2 is."""
    guest = Guest(cloud.control.machine(stack.outputs["HubMachine"]))
    began = time.monotonic()
    eventually(lambda: desk.heard, 600)
    print(f"the hub answers after {time.monotonic() - began:.0f} s")
    assert [each["Status"] for each in desk.heard] == ["SUCCESS"], desk.heard
    port, [way] = urlsplit(cloud.endpoint_url).port, free_ports(1)
    words = [sys.executable, "-c", FORWARD, cloud.hub_address, str(way)]
    forwarding = subprocess.Popen([*words, "127.0.0.1", str(port)])
    try:
        there = ("127.0.0.1", str(port), cloud.hub_address, str(way))
        guest.run("systemd-run", "--quiet", "python3", "-c", FORWARD, *there)
        more = HERE.format(
            endpoint=cloud.endpoint_url,
            server=TINY_SERVER.read_text(),
            token=ADMIN_TOKEN,
        )
        text = base64.b64encode(more.encode()).decode()
        path = "/srv/jupyterhub/jupyterhub_config.py"
        guest.run(f"echo {text} | base64 -d >> {path}")
        # The way out is for installing: traefik would ask the hub by it.
        guest.run("systemctl set-environment no_proxy=* NO_PROXY=*")
        guest.run("systemctl restart jupyterhub")
        # It may do what its role may, and nothing else.
        ec2.change_settings(policy=stack.rights)
        made = HubThere(guest)
        eventually(lambda: made.api("GET", "/"))
        yield made
    finally:
        ec2.change_settings(policy={})
        forwarding.kill()
        forwarding.wait()


@pytest.fixture
def image(cloud):
    with image_of_hub(cloud, HUB.name, "lab") as made:
        yield made


def reaches(address, port):
    try:
        socket.create_connection((address, port), timeout=3).close()
    except OSError:
        return False
    return True


@pytest.mark.slow
def test_the_hubs_computer_starts_a_hub_that_serves_a_user(hub, stack, cloud, ec2):
    mine = stack.outputs["HubMachine"]
    hub.api("POST", "/users/ada/server")
    eventually(lambda: hub.is_ready("ada"), 180)
    (machine,) = [m for m in living(ec2) if m.instance_id != mine]
    # Each of the two reaches what it must on the other; this computer neither.
    assert not reaches(machine.private_ip, 8888)
    assert not reaches(cloud.control.machine(mine).private_ip, 8081)
    assert machine.instance_id in hub.guest.run("ec2spawner ls")
    # By a password, of an account that has no shell.
    hub.guest.run("echo ada:correct-horse | chpasswd")
    assert hub.guest.run("sh", "-c", LOG_IN, "", "correct-horse") == "302"
    assert hub.guest.run("sh", "-c", LOG_IN, "", "wrong-horse") == "403"
    hub.api("DELETE", "/users/ada/server")
    eventually(lambda: [m.instance_id for m in living(ec2)] == [mine])
