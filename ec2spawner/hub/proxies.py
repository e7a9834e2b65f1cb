"""How a traefik that the Hub starts reaches the Hub and machines with ``internal_ssl``.

jupyterhub-traefik-proxy 2.1 knows nothing of it: traefik would believe nobody, and have
no certificate to show. So each route of the Hub's gets a transport of traefik's
(doc.traefik.io, "ServersTransport"). That of a server asks for its launch by name: who
has the address of a machine that is gone is not believed, though its certificate is for
the same address.

configurable-http-proxy is told by JupyterHub itself, and looks at addresses only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..claim.certificates import name_of
from ..server.context import HasContext
from .pages.unanswered import DIAL_TIMEOUT, NAME, deep

_TRANSPORT = "serversTransport"


def encrypt_traefik(proxy: Any, app: Any) -> None:
    """Let traefik speak TLS to whatever JupyterHub routes to by https.

    :param proxy: JupyterHub's, of any kind
    :param app: the application, after ``init_internal_ssl``
    """
    kinds = {each.__name__ for each in type(proxy).__mro__}
    if "TraefikProxy" not in kinds or not app.internal_ssl:
        return
    pair = app.internal_proxy_certs["proxy-client"]
    transport = {
        "rootCAs": [app.internal_trust_bundles["proxy-client-ca"]],
        "certificates": [{"certFile": pair["certfile"], "keyFile": pair["keyfile"]}],
        "forwardingTimeouts": {"dialTimeout": DIAL_TIMEOUT},
    }
    for_the_page = {
        f"{_TRANSPORT}s": {NAME: transport},
        "services": {NAME: {"loadBalancer": {_TRANSPORT: NAME}}},
    }
    proxy.extra_dynamic_config = deep(
        {"http": for_the_page}, proxy.extra_dynamic_config
    )
    teach(proxy, transport, lambda data: launch_of(app.users, data))


def launch_of(users: Any, data: Mapping[str, Any]) -> str:
    """The launch behind a route; empty for a route to nobody's server of ours.

    :param users: ``JupyterHub.users``
    :param data: what JupyterHub keeps with a route
    """
    if "user" not in data:
        return ""
    spawner = users[data["user"]].spawners[data.get("server_name", "")]
    return spawner.context.launch.id if isinstance(spawner, HasContext) else ""


def teach(
    proxy: Any,
    transport: Mapping[str, Any],
    launch: Callable[[Mapping[str, Any]], str],
) -> None:
    """Give each route to https a transport, which goes when the route does.

    It has no other hook than these two methods (jupyterhub_traefik_proxy/proxy.py).
    """
    configure, keys_of = proxy._dynamic_config_for_route, proxy._keys_for_route

    def configure_with_tls(
        routespec: str, target: str, data: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        ours, of_hub = configure(routespec, target, data)
        for name, service in ours["http"]["services"].items():
            used = dict(transport) if target.startswith("https:") else {}
            if used and (launch_id := launch(data)):
                used["serverName"] = name_of(launch_id)
            if used:
                ours["http"].setdefault(f"{_TRANSPORT}s", {})[name] = used
                service["loadBalancer"][_TRANSPORT] = name
        return ours, of_hub

    def keys_with_tls(routespec: str) -> tuple[Any, Any]:
        ours, of_hub = keys_of(routespec)
        names = [key[-1] for key in ours if key[1] == "services"]
        return (*ours, *(["http", f"{_TRANSPORT}s", name] for name in names)), of_hub

    proxy._dynamic_config_for_route = configure_with_tls
    proxy._keys_for_route = keys_with_tls
