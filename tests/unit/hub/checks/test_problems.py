"""What a Hub is told at its start when it cannot work."""

from types import SimpleNamespace

import pytest
from traitlets.config import Config

from ec2spawner import EC2Spawner
from ec2spawner.hub.checks import problems as problems_module
from ec2spawner.hub.checks.culler import CULLER
from ec2spawner.hub.checks.problems import problems

CAN_WORK = {"region": "us-west-2", "image": "ami-00000000"}
ELSEWHERE = "http://10.0.0.5:8081/hub/api"
IDLE = {"sizes": ["t3.small"], "idle_timeouts": [60]}
CULLS = ["/usr/bin/python3", "-m", "jupyterhub_idle_culler", "--timeout=600"]
SPARES = ["--cull-default-servers=False", "--cull-named-servers=False"]
OTHERS = {"name": "cull", "command": CULLS}
OF_ITS_OWN = [
    {
        "display_name": "A",
        "ec2spawner_override": {"region": "eu-west-1", "image": "ami-11111111"},
    },
]


def told(hub_url=ELSEWHERE, internal_ssl=False, services=(), config=(), **settings):
    hub = SimpleNamespace(api_url=hub_url, port=8081)
    app = SimpleNamespace(
        hub=hub, internal_ssl=internal_ssl, services=services, config=Config(config)
    )
    app.internal_ssl_cert = ""  # as of a Hub that is not to start
    return list(problems(EC2Spawner(hub=hub, **{**CAN_WORK, **settings}), app))


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"hub_url": "http://127.0.0.1:8081/hub/api", "endpoint_url": "http://[::1]:1"},
        {"hub_url": "http://0.0.0.0:8081/hub/api", "hub_connect_url": ELSEWHERE},
        {"region": "", "image": "", "profile_list": OF_ITS_OWN},
        {"region": "", "image": "", "profile_list": lambda spawner: []},
        {"region": "us-gov-west-1", "image": "ssm:/a"},
        {"region": "ap-southeast-2", "image": "name:lab-*", "image_owners": ["self"]},
        {"image": "repo:hydro", "config": {"EC2Spawner": {}, "Ec2": {}}},
        {"idle_timeout": 60, "services": [{"name": CULLER}]},
        {**IDLE, "services": [{"name": "mine"}, {"name": CULLER}]},
        {"idle_timeout": 60, "services": [{"name": "mine", "command": ["x"]}]},
        {"idle_timeout": 60, "services": [{**OTHERS, "command": [*CULLS, *SPARES]}]},
        {"services": [OTHERS]},
    ],
    ids=lambda what: ", ".join(what) or "plain",
)
def test_of_a_hub_that_can_work_nothing_is_said(what):
    assert told(**what) == []


@pytest.mark.parametrize(
    "what, sentence",
    [
        ({"hub_url": "http://127.0.0.1:8081/hub/api"}, "Set c.JupyterHub.hub_ip"),
        ({"hub_url": "http://0.0.0.0:8081/hub/api"}, "no address to connect to"),
        ({"hub_connect_url": "http://0.0.0.0:8081"}, "no address to connect to"),
        ({"ledger_url": "nosuch://db/ledger"}, "ledger_url cannot be used: Can't load"),
        ({"ledger_url": "not a url"}, "ledger_url cannot be used"),
        ({"image": ""}, "c.EC2Spawner.image is not set"),
        ({"region": ""}, "c.EC2Spawner.region is not set"),
        ({"region": "us-west-2a"}, "'us-west-2a' is a zone of 'us-west-2'"),
        ({"region": "us-west"}, "which is no region of AWS's"),
        ({"image": "ami-ubuntu"}, "which is no AMI's id"),
        ({"image": "ubuntu-24.04"}, "set it to 'ami-...'"),
        ({"image": "name:lab-*"}, "image_owners is empty"),
        (
            {
                "profile_list": [
                    {"display_name": "A", "ec2spawner_override": {"image": "lab"}}
                ]
            },
            "in the profile 'A': image is 'lab'",
        ),
        ({"config": {"Ec2Spawner": {"image": "x"}}}, "write c.EC2Spawner."),
        (
            {"region": "", "profile_list": [*OF_ITS_OWN, {"display_name": "B"}]},
            "c.EC2Spawner.region is not set",
        ),
        ({"internal_ssl": True}, "claim_port is 0 and c.JupyterHub.internal_ssl is on"),
        ({"idle_timeout": 60, "services": [OTHERS]}, "twice: by ec2spawner, and by"),
        ({**IDLE, "services": [OTHERS]}, "by the service cull, which stops what"),
        ({"services": [{"name": CULLER}, OTHERS]}, "Take the service out"),
        (
            {
                "profile_list": [
                    {"display_name": "A", "ec2spawner_override": {"idle_timeout": 9}}
                ],
                "services": [{"name": "old", "command": "cull_idle_servers.py -t 9"}],
            },
            "by the service old",
        ),
        (
            {"profile_list": [{"display_name": "A", "kubespawner_override": {}}]},
            "rename it to ec2spawner_override",
        ),
        (
            {
                "profile_list": [
                    {"display_name": "A", "ec2spawner_override": {"image": 5}}
                ]
            },
            "profile_list sets what cannot be, in the profile 'A'",
        ),
        (
            {"build_sources": ["github.com/x"]},
            "build_sources: 'github.com/x' is no addr",
        ),
        (
            {"build_sources": ["ssh://x/y"], "profile_list": OF_ITS_OWN},
            "c.EC2Spawner.build_sources: 'ssh://x/y' is no address",
        ),
    ],
)
def test_what_keeps_a_hub_from_working_is_said_in_one_sentence(what, sentence):
    (problem,) = told(**what)
    assert sentence in problem


def test_without_what_images_need_no_hub_starts_that_is_to_build_any(monkeypatch):
    sources = {"build_sources": ["https://example.org/lab/*"]}
    assert told(**sources) == []
    monkeypatch.setattr(problems_module, "lacking", lambda: ["uv", "git"])
    (problem,) = told(**sources)
    assert "lacks uv, git" in problem and "ec2spawner[image]" in problem
    assert told() == []


def test_all_that_is_wrong_is_said_at_once():
    assert len(told(internal_ssl=True, region="", image="")) == 3


def test_a_ready_machine_that_cannot_be_is_told():
    (why,) = told(ready_machines=[{"count": 1}, {"hours": "Mon-Fry 8-18"}])
    assert why.startswith("c.EC2Spawner.ready_machines, entry 2: 'Mon-Fry 8-18'")
    assert not told(ready_machines=[{"count": 1, "hours": "Mon-Fri 8-18"}])
