from types import SimpleNamespace

import pytest

from ec2spawner.core.state import HomeRef, Launch, Phase, ServerState
from ec2spawner.hub.pages.unanswered import (
    deep,
    error_pages,
    files_of,
    server_at,
    teach_traefik,
)


@pytest.mark.parametrize(
    "path, name",
    [
        ("/user/alice/lab", ""),
        ("/user/alice/", ""),
        ("/user/alice", ""),
        ("/user/alice/gpu/lab", "gpu"),
        ("/user/alice/gpu", "gpu"),
        ("/user/alice/gp%75/lab", "gpu"),
        ("/user/alice/gone/lab", ""),
    ],
)
def test_whose_server_is_at_an_address(path, name):
    assert server_at(path, "/", {"": None, "gpu": None}) == name
    assert server_at(f"/jhub{path}", "/jhub/", {"": None, "gpu": None}) == name


@pytest.mark.parametrize(
    "on_stop, home, rescued, words",
    [
        ("stop", "", "", "all files on it are kept"),
        ("", "vol-1", "", "saved in your home is kept; all else"),
        ("", "vol-1", "it runs without it", "files are lost"),
        ("", "", "", "files are lost"),
    ],
)
def test_who_restarts_a_machine_is_told_what_becomes_of_files(
    on_stop, home, rescued, words
):
    launch = Launch(
        "s",
        "l",
        Phase.READY,
        instance_id="i-1",
        ready_at=1.0,
        on_stop=on_stop,
        rescued=rescued,
    )
    state = ServerState(launch=launch, home=HomeRef(home) if home else None)
    context = SimpleNamespace(launch=launch, state=state)
    assert words in files_of(context)


class Hub:
    url, base_url = "http://127.0.0.1:8081/jhub/hub/", "/jhub/hub/"


class TraefikProxy:
    should_start, traefik_entrypoint, provider_name = True, "web", "file"

    def __init__(self, static=(), dynamic=()):
        self.extra_static_config = dict(static)
        self.extra_dynamic_config = dict(dynamic)


class Another:
    should_start = True


def test_traefik_asks_the_hub_for_a_page_when_it_reaches_no_server():
    proxy = TraefikProxy()
    teach_traefik(proxy, Hub)
    entry = proxy.extra_static_config["entryPoints"]["web"]["http"]
    assert entry["middlewares"] == ["ec2spawner-unanswered@file"]
    http = proxy.extra_dynamic_config["http"]
    errors = http["middlewares"]["ec2spawner-unanswered"]["errors"]
    # Without {url}: a token may be in it, and the Hub would log it.
    assert errors["query"] == "/jhub/hub/error/{status}"
    # What the Hub itself answers, it says itself: 503 is its own.
    assert errors["status"] == ["502", "504"]
    balancer = http["services"][errors["service"]]["loadBalancer"]
    assert balancer["servers"] == [{"url": "http://127.0.0.1:8081"}]


def test_what_an_admin_has_set_stays():
    own = {
        "global": {"checkNewVersion": False},
        "serversTransport": {"forwardingTimeouts": {"dialTimeout": "60s"}},
        "entryPoints": {"web": {"http": {"middlewares": ["auth@file"]}}},
    }
    proxy = TraefikProxy(own)
    teach_traefik(proxy, Hub)
    static = proxy.extra_static_config
    assert static["global"] == own["global"]
    assert static["serversTransport"] == own["serversTransport"]
    assert static["entryPoints"]["web"]["http"]["middlewares"] == [
        "auth@file",
        "ec2spawner-unanswered@file",
    ]


def test_a_traefik_of_somebody_else_and_another_proxy_are_left_alone():
    proxy = TraefikProxy()
    proxy.should_start = False
    teach_traefik(proxy, Hub)
    assert proxy.extra_static_config == {}
    teach_traefik(Another(), Hub)


def test_merging_changes_neither():
    ours, theirs = error_pages("web", "file", Hub.url, Hub.base_url)[0], {"a": 1}
    both = deep(ours, theirs)
    assert "a" not in ours and both == {**ours, "a": 1}
