"""The kit's part in a Jupyter server, in a server of this process."""

import asyncio
import contextlib
import json
import os
import sys
from types import SimpleNamespace

import pytest
from jupyter_server.serverapp import ServerApp
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.websocket import WebSocketHandler, websocket_connect

from ec2spawner.claim.agent.work.people.told import CONFIG_PATH, People
from ec2spawner.claim.kit_files import kit_files

PREFIX = "/jhub/user/ada/"
ME = (os.getuid(), os.getgid())
TOLD = {"bar": "Medium", "notices": []}


class Server:
    """A Jupyter server that has found the kit, and who asks it."""

    def __init__(self, app, port, people):
        self.app, self.people = app, people
        self.url = f"http://127.0.0.1:{port}{app.base_url}"

    @property
    def desk(self):
        return self.app.web_app.settings["ec2spawner_desk"]

    async def ask(self, path, body=None, token="secret"):
        headers = {"Authorization": f"token {token}"}
        try:
            answer = await AsyncHTTPClient().fetch(
                self.url + path,
                method="GET" if body is None else "POST",
                body=body,
                headers=headers,
                follow_redirects=False,
            )
        except HTTPClientError as e:
            return e.code, None
        return answer.code, json.loads(answer.body)

    async def begins(self):
        """Let its loop run until it has said what it knows."""
        while not os.path.exists(self.people.said_path):
            await asyncio.sleep(0)

    @property
    def said(self):
        with open(self.people.said_path) as file:
            return json.load(file)


@pytest.fixture
async def make_server(tmp_path, monkeypatch):
    """Makes one, as it starts with the kit that an agent has laid out."""
    made = []
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "ec2spawner_machine", raising=False)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", PREFIX)
    for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        monkeypatch.setenv(f"JUPYTER_{name}", str(tmp_path / name))
    monkeypatch.delenv(CONFIG_PATH, raising=False)

    def make(base_url=PREFIX, told=TOLD, **changes):
        people = People(str(tmp_path / "people"))
        kit = {**kit_files(), **changes}
        env = people.welcome({"kit": kit, "told": told}, {}, ME)
        monkeypatch.setenv(CONFIG_PATH, env[CONFIG_PATH])
        ServerApp.clear_instance()
        app = ServerApp.instance(
            base_url=base_url,
            token="secret",
            allow_root=True,
            open_browser=False,
            root_dir=str(tmp_path),
            log_level=40,
        )
        app.initialize(argv=[], new_httpserver=False)
        socket, port = bind_unused_port()
        server = HTTPServer(app.web_app)
        server.add_socket(socket)
        made.append((app, server))
        return Server(app, port, people)

    yield make
    for app, server in made:
        server.stop()
        await app._cleanup()
    ServerApp.clear_instance()


async def test_a_page_is_told_what_the_agent_has_left_and_how_old_it_is(make_server):
    server = make_server()
    status, told = await server.ask("ec2spawner/told")
    assert status == 200 and told["bar"] == "Medium"
    assert 0 <= told["clock"] - told["now"] < 60
    # A stranger is sent to log in.
    assert (await server.ask("ec2spawner/told", token="other"))[0] == 302


@pytest.mark.parametrize("text", [None, "", "{", "[]", "7", "[" * 60_000])
async def test_a_page_is_told_nothing_where_there_is_no_good_word(make_server, text):
    server = make_server()
    os.unlink(server.people.told_path)
    if text is not None:
        with open(server.people.told_path, "w") as file:
            file.write(text)
    assert await server.ask("ec2spawner/told") == (200, {})


async def test_what_people_do_is_said_in_one_file(make_server):
    server = make_server()
    await server.begins()
    said = server.said
    assert (said["human"], said["page"], said["keep"]) == (0, 0, 0)
    assert (said["kernels"], said["terminals"], said["others"]) == ([], [], [])
    await server.ask("ec2spawner/told")
    assert (await server.ask("ec2spawner/ask", '{"human": true}'))[0] == 200
    said = server.said
    assert said["at"] >= said["human"] >= said["page"] > 0 == said["keep"]


async def test_each_press_of_keep_is_another_one(make_server):
    server = make_server()
    pressed = set()
    for _ in range(3):
        assert (await server.ask("ec2spawner/ask", '{"keep": 7200}'))[0] == 200
        pressed.add(server.said["keep"])
        assert server.said["keep"] > server.said["human"] + 7000
    assert len(pressed) == 3


BAD = ["", "x", "[]", "7", '{"keep": "x"}', '{"keep": true}', '{"keep": -1}']
BAD += ['{"keep": 1e300}', '{"keep": NaN}', '{"keep": [7200]}', "[" * 60_000]


@pytest.mark.parametrize("body", BAD)
async def test_what_no_page_of_ours_asks_is_refused(make_server, body):
    server = make_server()
    assert (await server.ask("ec2spawner/ask", body))[0] == 400
    assert server.said["keep"] == 0
    assert (await server.ask("ec2spawner/told"))[0] == 200


def request_of(name, base="ProxyHandler", status=101):
    """One that a server has answered, by a class that a package has made of others."""

    def __getattr__(self, _):
        return SimpleNamespace(method="GET", uri="/", remote_ip="")

    kinds = {"get_status": lambda self: status, "__getattr__": __getattr__}
    more = {"ws_connection": SimpleNamespace(is_closing=lambda: False)}
    return type(name, (type(base, (), kinds),), more)()


async def logged(server, *requests):
    await server.begins()
    for each in requests:
        # jupyter_server's own function has more to ask of a request.
        with contextlib.suppress(Exception):
            server.app.web_app.settings["log_function"](each)
    server.desk.say()


async def test_sockets_of_applications_behind_the_server_are_told_apart(make_server):
    """Of jupyter-collaboration and others are sockets of JupyterLab's own page."""
    server = make_server()
    rstudio, room = request_of("_Proxy"), request_of("YDocHandler", "JupyterHandler")
    await logged(server, rstudio, room)
    assert server.said["sockets"] == 2 and server.said["others"] == ["_Proxy"]
    rstudio.ws_connection = None
    server.desk.say()
    assert server.said["sockets"] == 1 and server.said["others"] == []


async def test_a_socket_to_an_application_that_is_not_there_is_not_open(make_server):
    """Tornado gives one up whose ``open()`` fails, and never says that it is closed."""
    server, held = make_server(), []
    await server.begins()

    class LocalProxyHandler(WebSocketHandler):
        def open(self, way):
            held.append(self)  # as a circle of references would, until it is found
            if way == "nowhere":
                raise ConnectionRefusedError

    path = server.app.base_url + "proxy/(.*)"
    server.app.web_app.add_handlers(".*$", [(path, LocalProxyHandler)])
    url = server.url.replace("http", "ws") + "proxy/"
    left = await websocket_connect(url + "nowhere")
    assert await left.read_message() is None
    server.desk.say()
    assert len(held) == 1 and server.said["sockets"] == 0
    assert server.said["others"] == []
    there = await websocket_connect(url + "there")
    server.desk.say()
    assert server.said["sockets"] == 1
    there.close()
    assert await there.read_message() is None
    server.desk.say()
    assert server.said["sockets"] == 0


async def test_an_application_that_asks_without_a_socket_is_open_for_a_while(
    make_server,
):
    server = make_server()
    await logged(server, request_of("Dead", status=502))
    assert server.said["others"] == []
    await logged(server, request_of("_Proxy", status=200), request_of("A", "B", 200))
    assert server.said["others"] == ["_Proxy"] and server.said["sockets"] == 0
    server.desk.asked_at["_Proxy"] -= 91
    server.desk.say()
    assert server.said["others"] == []


async def test_a_folder_that_cannot_be_written_costs_the_server_nothing(make_server):
    server = make_server()
    server.desk.said_path = "/proc/no/such/folder"
    assert (await server.ask("ec2spawner/ask", '{"keep": 60}'))[0] == 200


async def test_a_server_that_somebody_runs_in_a_terminal_says_nothing(make_server):
    """It has the environment of the first, and would write over what that says."""
    server = make_server(base_url="/")
    assert (await server.ask("ec2spawner/told"))[0] == 404
    assert not os.path.exists(server.people.said_path)


@pytest.mark.parametrize("how", ["raise RuntimeError", "import none_such", "x ="])
@pytest.mark.parametrize(
    "what", ["config/jupyter_server_config.py", "server/ec2spawner_machine.py"]
)
async def test_a_kit_that_is_broken_keeps_no_server_from_starting(
    make_server, what, how
):
    server = make_server(**{what: how})
    assert (await server.ask("api/status"))[0] == 200
    assert (await server.ask("ec2spawner/told"))[0] == 404
