"""A server extension of Jupyter: what people are told of their machine, and what they
ask of it.

The machine's agent leaves word in ``told.json``, which this hands on to pages as it is.
What this knows of people goes into ``said/said.json``, which the agent reads. All times
in both are seconds since the epoch, by the machine's clock. Needs jupyter_server and
Python 3.8.
"""

from __future__ import annotations

import json
import os
import time
import weakref
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import ioloop, web

#: where agent and server leave word for each other: this file is in it, in kit/server
FOLDER = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
#: seconds between two notes of what is known of people
EVERY = 15.0
# An application that people use through a proxy asks at least so often while a page of
# it is open, where it has no socket: RStudio's requests for news wait for 50 seconds at
# most (rstudio, SessionClientEventService.cpp, "maxRequestSec").
ASKS = 90.0
# A week: nothing that a page asks for is longer.
LONGEST = 7 * 86400.0


class Desk:
    """What one server knows of the people who use it."""

    def __init__(self, app: Any, folder: str) -> None:
        self.app = app
        self.told_path = os.path.join(folder, "told.json")
        self.said_path = os.path.join(folder, "said", "said.json")
        #: when a person last did something, and when a page last asked for news
        self.human = self.page = 0.0
        #: until when somebody has asked to keep the machine; another with each press
        self.keep = 0.0
        self.sockets: weakref.WeakSet[Any] = weakref.WeakSet()
        #: when applications were last asked, by the names of their handlers
        self.asked_at: dict[str, float] = {}

    def begin(self) -> None:
        """Called when the server's loop runs, and so after all other extensions:
        JupyterHub's sets a log function of its own."""
        settings = self.app.web_app.settings
        log = settings.get("log_function")

        def log_and_look(handler: Any, *args: Any, **kwargs: Any) -> Any:
            if handler.get_status() == 101:
                self.sockets.add(handler)
            elif handler.get_status() < 400 and is_of_an_application(handler):
                self.asked_at[type(handler).__name__] = time.time()
            return log(handler, *args, **kwargs)

        if log:
            settings["log_function"] = log_and_look
        self.say()

    def told(self) -> dict[str, Any]:
        """What a page is to show; nothing while the agent has left no word."""
        try:
            with open(self.told_path, encoding="utf-8") as file:
                told = json.load(file)
        except (OSError, ValueError, RecursionError):
            return {}
        # It was written a while ago: by this a page knows how long.
        return dict(told, clock=time.time()) if isinstance(told, dict) else {}

    def asked(self, ask: Any) -> None:
        """
        :raises ValueError: when it is nothing that a page of ours asks for
        """
        if not isinstance(ask, dict):
            raise ValueError("not an object")
        now, keep = time.time(), ask.get("keep", 0)
        if isinstance(keep, bool) or not isinstance(keep, (int, float)):
            raise ValueError("keep must be a number of seconds")
        if not 0 <= keep <= LONGEST:
            raise ValueError("keep is out of range")
        if keep or ask.get("human"):
            self.human = now
        if keep:
            self.keep = now + keep
        self.say()

    def say(self) -> None:
        """Leave word for the agent, whole or not at all. No server fails by it."""
        try:
            text = json.dumps(self.said())
            with open(self.said_path + ".new", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(self.said_path + ".new", self.said_path)
        except Exception as e:
            self.app.log.debug("ec2spawner: %r", e)

    def said(self) -> dict[str, Any]:
        """What the agent is to know."""
        now = time.time()
        sockets = list(filter(is_open, self.sockets))
        others = {type(s).__name__ for s in sockets if is_of_an_application(s)}
        others |= {name for name, at in self.asked_at.items() if now - at < ASKS}
        return {
            "at": now,
            "human": self.human,
            "page": self.page,
            "keep": self.keep,
            "sockets": len(sockets),
            "others": sorted(others)[:20],
            "kernels": self.kernels(),
            "terminals": self.terminals(),
        }

    def kernels(self) -> list[dict[str, Any]]:
        manager = self.app.kernel_manager
        connections = getattr(manager, "_kernel_connections", {})
        found = []
        for kernel_id in list(manager.list_kernel_ids())[:100]:
            kernel = manager.get_kernel(kernel_id)
            found.append(
                {
                    "name": kernel.kernel_name,
                    "state": getattr(kernel, "execution_state", None),
                    "connections": connections.get(kernel_id),
                }
            )
        return found

    def terminals(self) -> list[int]:
        """The processes that run in them."""
        manager = self.app.web_app.settings.get("terminal_manager")
        return [t.ptyproc.pid for t in manager.terminals.values()] if manager else []


# Not APIHandler: the server would take each question of a page for activity.
class Handler(JupyterHandler):
    @property
    def desk(self) -> Desk:
        desk: Desk = self.settings["ec2spawner_desk"]
        return desk

    def _log(self) -> None:
        """Not of requests that come every few seconds."""

    def answer(self, what: dict[str, Any]) -> None:
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(what))


class ToldHandler(Handler):
    """``GET ec2spawner/told``: what a page is to show."""

    @web.authenticated
    def get(self) -> None:
        self.desk.page = time.time()
        self.answer(self.desk.told())


class AskHandler(Handler):
    """``POST ec2spawner/ask``: ``{"human": true}``, or ``{"keep": seconds}``."""

    @web.authenticated
    def post(self) -> None:
        try:
            self.desk.asked(json.loads(self.request.body))
        except (ValueError, RecursionError) as e:
            raise web.HTTPError(400, str(e)) from e
        self.answer({})


def is_open(socket: Any) -> bool:
    """Tornado keeps the connection of one whose ``open()`` has failed, as it does where
    an application behind a proxy is not there, until Python collects its garbage."""
    connection = getattr(socket, "ws_connection", None)
    return connection is not None and not connection.is_closing()


def is_of_an_application(handler: Any) -> bool:
    """Whether it leads to an application behind a proxy, of jupyter-server-proxy or any
    other: whether somebody sits before that, nobody can tell. Other sockets, those of
    jupyter-collaboration for example, are of pages of Jupyter's own."""
    return any("proxy" in each.__name__.lower() for each in type(handler).__mro__)


def is_the_users_server(base_url: str) -> bool:
    """Whether this is the server that the Hub has started, and not one that somebody
    runs in a terminal of it, which has the same environment."""
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    return base_url.strip("/") == prefix.strip("/")


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "ec2spawner_machine"}]


def _load_jupyter_server_extension(app: Any) -> None:
    base_url = app.web_app.settings["base_url"]
    if not is_the_users_server(base_url):
        return
    desk = app.web_app.settings["ec2spawner_desk"] = Desk(app, FOLDER)
    routes = [("told", ToldHandler), ("ask", AskHandler)]
    app.web_app.add_handlers(
        ".*$", [(url_path_join(base_url, "ec2spawner", n), h) for n, h in routes]
    )
    ioloop.IOLoop.current().call_later(0, desk.begin)
    ioloop.PeriodicCallback(desk.say, EVERY * 1000).start()
