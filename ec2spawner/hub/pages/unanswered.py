"""The page for a server whose machine does not answer, and how proxies come to it.

A proxy asks the Hub for a page when it reaches no server: configurable-http-proxy by
itself (``--error-target``, which JupyterHub sets), traefik by its errors middleware
(doc.traefik.io, "Errors"), which ``teach_traefik`` sets up. The proxy has none of the
user's cookies for the Hub, so the page that it gets, ``/hub/error/503``, leads to ours.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from jupyterhub import handlers
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_path_join
from markupsafe import Markup
from tornado import web

from ...launch.failures import Failure
from ...server.context import HasContext, ServerContext
from .facts import admin_line

#: of the page for traefik: its middleware, and the service that has it
NAME = "ec2spawner-unanswered"
# Of traefik itself: it reached nobody, or nobody answered in time.
_STATUS = ["502", "504"]
# traefik's own is 30 s: of a machine that is gone users would hear only then.
DIAL_TIMEOUT = "10s"


def server_at(path: str, base_url: str, names: Mapping[str, Any]) -> str:
    """The name of the server at a path, ``/user/alice/gpu/lab``; empty for the default.

    :param names: of the user's servers
    """
    parts = path.removeprefix(f"{base_url}user/").split("/")
    name = unquote(parts[1]) if len(parts) > 1 else ""
    return name if name in names else ""


class UnansweredHandler(BaseHandler):  # type: ignore[misc]
    """``/hub/unanswered?url=/user/alice/lab``"""

    @web.authenticated
    async def get(self) -> Any:
        parts = urlsplit(self.get_argument("url", ""))
        path, base = parts.path, self.base_url
        # Not another host's page: this one has a link to it.
        if not path.startswith(f"{base}user/") or parts.netloc or parts.scheme:
            return self.redirect(url_path_join(self.hub.base_url, "home"))
        user = self.find_user(unquote(path.removeprefix(f"{base}user/").split("/")[0]))
        if user is None or not self.has_scope(f"servers!user={user.name}"):
            raise web.HTTPError(404, "No access to resources or resources not found")
        name = server_at(path, base, user.orm_user.orm_spawners)
        spawner = user.spawners[name]
        if spawner.ready:
            # It may be over, and the Hub not know it yet.
            await spawner.poll_and_notify()
        if not spawner.ready:
            # The Hub's own page for it says more: it starts, stops, or is stopped.
            at_the_hub = url_path_join(self.hub.base_url, path.removeprefix(base))
            return self.redirect(at_the_hub)
        html = await self.render_template(
            "ec2_unanswered.html",
            server={"user": user.name, "name": name},
            url=path,
            files=files_of(spawner.context) if isinstance(spawner, HasContext) else "",
            line=_line(spawner),
        )
        self.finish(html)


def files_of(context: ServerContext) -> str:
    """What becomes of files when a server is stopped that does not answer."""
    if context.launch.worth_keeping:
        return "The machine is only stopped: all files on it are kept."
    if context.state.home_id and not context.launch.rescued:
        return "What you have saved in your home is kept; all else on it is lost."
    return "But its files are lost when it is stopped or restarted."


def _line(spawner: Any) -> Markup:
    if not isinstance(spawner, HasContext):
        return Markup("")
    launch = spawner.context.launch
    return admin_line(
        Failure(time.time(), "does not answer", launch.start_id, launch.instance_id)
    )


def register() -> None:
    """Add the route, once. ``default_handlers`` become the Hub's when it starts."""
    route = (r"/unanswered", UnansweredHandler)
    if route not in handlers.default_handlers:
        handlers.default_handlers.append(route)


def teach_traefik(proxy: Any, hub: Any) -> None:
    """Let a traefik that the Hub starts show the Hub's page in place of "Bad Gateway".

    One that somebody else starts has an admin of its own. What an admin has set stays.

    :param proxy: JupyterHub's, of any kind
    :param hub: ``JupyterHub.hub``
    """
    kinds = {each.__name__ for each in type(proxy).__mro__}
    if "TraefikProxy" not in kinds or not proxy.should_start:
        return
    static, dynamic = error_pages(
        proxy.traefik_entrypoint, proxy.provider_name, hub.url, hub.base_url
    )
    proxy.extra_static_config = deep(static, proxy.extra_static_config)
    proxy.extra_dynamic_config = deep(dynamic, proxy.extra_dynamic_config)


def error_pages(
    entry_point: str, provider: str, hub_url: str, hub_path: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What traefik is to be told, in its static and its dynamic configuration.

    :param hub_url: of the Hub itself, for example ``http://127.0.0.1:8081/hub/``
    :param hub_path: ``/hub/``
    """
    parts = urlsplit(hub_url)
    static = {
        "entryPoints": {entry_point: {"http": {"middlewares": [f"{NAME}@{provider}"]}}},
        "serversTransport": {"forwardingTimeouts": {"dialTimeout": DIAL_TIMEOUT}},
    }
    errors = {
        "status": _STATUS,
        "service": NAME,
        # Without the address: a token may be in it, and the Hub would log it.
        "query": f"{hub_path}error/{{status}}",
    }
    servers = [{"url": f"{parts.scheme}://{parts.netloc}"}]
    dynamic = {
        "http": {
            "middlewares": {NAME: {"errors": errors}},
            "services": {NAME: {"loadBalancer": {"servers": servers}}},
        }
    }
    return static, dynamic


def deep(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Both, and an admin's where they differ."""
    both = dict(ours)
    for key, value in theirs.items():
        mine = both.get(key)
        if isinstance(mine, Mapping) and isinstance(value, Mapping):
            both[key] = deep(mine, value)
        elif isinstance(mine, list) and isinstance(value, list):
            both[key] = [*value, *mine]
        else:
            both[key] = value
    return both
