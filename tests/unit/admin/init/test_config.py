"""The configuration that is written: a hub starts with it, and nothing is odd in it."""

import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ec2spawner import EC2Spawner
from ec2spawner.admin.init.config import config_of
from ec2spawner.hub.checks.problems import problems
from ec2spawner.hub.checks.warnings import warnings
from tests.docs.configs import load, spawner_of, unrecognised

from .hubs import HUB

AWS = {"hub_ip": "10.0.7.7", "subnets": ["subnet-1", "subnet-2"]}
DOMAIN = replace(HUB, domain="hub.example.org", name="hub-example-org")
MANY = replace(
    HUB,
    types=tuple(f"m7i-flex.{n}xlarge" for n in range(1, 13)),
    users=tuple(f"somebody-with-a-long-name-{n}" for n in range(5)),
    budget=0,
    idle_minutes=0,
)
HUBS = {"a tunnel": HUB, "a domain": DOMAIN, "many sizes": MANY}


@pytest.fixture
def loaded(tmp_path):
    def load_it(hub):
        path = tmp_path / "jupyterhub_config.py"
        path.write_text(config_of(hub))
        (tmp_path / "aws.json").write_text(json.dumps({**AWS, "security_group": "sg"}))
        return load(path)

    return load_it


@pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
def test_a_hub_would_start_with_it(loaded, hub):
    app = loaded(hub)
    assert list(unrecognised(app)) == []
    assert app.spawner_class is EC2Spawner
    assert list(problems(spawner_of(app), app)) == []


@pytest.mark.parametrize(
    "hub, warned", [(HUB, []), (DOMAIN, ["[subdomains]"])], ids=["tunnel", "domain"]
)
def test_it_is_warned_of_nothing_but_what_a_domain_alone_can_mend(loaded, hub, warned):
    app = loaded(hub)
    app.authenticator = app.authenticator_class(config=app.config)
    app.db = SimpleNamespace(query=lambda *_: [])
    found = list(warnings(spawner_of(app), app))
    assert [text[-len("[subdomains]") :] for text in found] == warned


def test_every_answer_is_in_it(loaded):
    app = loaded(HUB)
    spawner = spawner_of(app)
    assert (spawner.region, spawner.hub_id) == ("eu-central-1", "lab-hub")
    assert spawner.sizes == {"Small": "t3.medium", "Medium": "m7i.xlarge"}
    assert (spawner.budgets, spawner.home_size) == ({"hub": 150}, 20)
    assert app.config.Authenticator.allowed_users == {"ada", "grace"}
    assert app.config.Authenticator.admin_users == {"ada"}
    assert (spawner.idle_timeout, app.services) == (3600, [])
    # What the stack has made.
    assert app.hub_connect_ip == "10.0.7.7"
    assert (spawner.subnets, spawner.security_groups) == (AWS["subnets"], ["sg"])


def test_at_a_domain_people_come_by_https_only(loaded):
    app = loaded(DOMAIN)
    assert app.public_url == "https://hub.example.org/"
    static = app.config.TraefikProxy.extra_static_config
    assert app.bind_url == "http://0.0.0.0:443"
    tls = static["entryPoints"]["https"]["http"]["tls"]
    assert tls["domains"] == [{"main": "hub.example.org"}]
    assert tls["certResolver"] in static["certificatesResolvers"]
    assert "redirections" in static["entryPoints"]["http"]["http"]


def test_without_a_domain_nobody_comes_in_but_by_a_tunnel(loaded):
    assert loaded(HUB).bind_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
def test_it_is_tidy_and_short(hub):
    text = config_of(hub)
    black = [sys.executable, "-m", "black", "-q", "-", "--check"]
    assert subprocess.run(black, input=text.encode()).returncode == 0
    assert text.count("\n") < 140
