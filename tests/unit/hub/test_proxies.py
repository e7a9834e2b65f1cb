"""What traefik is told of each route with ``internal_ssl``, by its own proxy class."""

from types import SimpleNamespace

import pytest
from jupyterhub_traefik_proxy.fileprovider import TraefikFileProviderProxy

from ec2spawner.hub.proxies import encrypt_traefik, launch_of
from tests.authorities import hub

SERVER = ("/user/alice/", {"user": "alice", "server_name": ""})
SERVICE = "service__2Fuser_2Falice_2F"
# A password is hashed for half a second.
CHEAP = {"traefik_api_hashed_password": "x"}


class Ours:
    def __init__(self, launch_id):
        launch = SimpleNamespace(id=launch_id)
        self.context = SimpleNamespace(launch=launch)

    def notices(self):
        return []


@pytest.fixture
def users():
    return {"alice": SimpleNamespace(spawners={"": Ours("l-1"), "gpu": object()})}


@pytest.fixture
async def proxy(tmp_path, users):
    made = TraefikFileProviderProxy(
        dynamic_config_file=str(tmp_path / "rules.toml"), **CHEAP
    )
    app = hub()
    app.users = users
    encrypt_traefik(made, app)
    return made


async def add(proxy, routespec, data, target="https://10.0.1.5:8888"):
    await proxy._apply_dynamic_config(
        *proxy._dynamic_config_for_route(routespec, target, data)
    )
    return proxy.dynamic_config["http"]


async def test_a_server_is_asked_for_by_its_launch(proxy):
    http = await add(proxy, *SERVER)
    assert http["services"][SERVICE]["loadBalancer"]["serversTransport"] == SERVICE
    transport = http["serversTransports"][SERVICE]
    assert transport["serverName"] == "l-1.ec2spawner"
    (pair,) = transport["certificates"]
    assert pair["certFile"] == hub().internal_proxy_certs["proxy-client"]["certfile"]
    assert transport["rootCAs"] == [hub().internal_trust_bundles["proxy-client-ca"]]
    assert "insecureSkipVerify" not in transport


async def test_the_next_launch_of_a_server_is_asked_for_by_its_own_name(proxy, users):
    await add(proxy, *SERVER)
    users["alice"].spawners[""] = Ours("l-2")
    http = await add(proxy, *SERVER)
    assert http["serversTransports"][SERVICE]["serverName"] == "l-2.ec2spawner"


async def test_what_a_route_has_goes_with_it(proxy):
    before = set((await add(proxy, "/", {"hub": True}))["serversTransports"])
    await add(proxy, *SERVER)
    await proxy.delete_route(SERVER[0])
    assert set(proxy.dynamic_config["http"]["serversTransports"]) == before


async def test_the_hub_and_what_is_not_ours_is_asked_for_by_address(proxy):
    http = await add(proxy, "/", {"hub": True}, "https://127.0.0.1:8081")
    await add(proxy, "/user/alice/gpu/", {"user": "alice", "server_name": "gpu"})
    for name, transport in http["serversTransports"].items():
        assert "serverName" not in transport and transport["certificates"], name


async def test_a_service_without_tls_is_reached_as_before(proxy):
    http = await add(proxy, "/services/x/", {"service": "x"}, "http://127.0.0.1:5000")
    balancer = http["services"]["service__2Fservices_2Fx_2F"]["loadBalancer"]
    assert "serversTransport" not in balancer


def test_without_internal_ssl_and_with_other_proxies_nothing_is_done(tmp_path):
    plain = TraefikFileProviderProxy(
        dynamic_config_file=str(tmp_path / "rules.toml"), **CHEAP
    )
    encrypt_traefik(plain, SimpleNamespace(internal_ssl=False))
    config, _ = plain._dynamic_config_for_route(
        SERVER[0], "https://10.0.1.5:8888", SERVER[1]
    )
    assert "serversTransports" not in config["http"]
    encrypt_traefik(object(), hub())


def test_a_route_to_no_server_has_no_launch(users):
    assert launch_of(users, {"hub": True}) == ""
    assert launch_of(users, SERVER[1]) == "l-1"
