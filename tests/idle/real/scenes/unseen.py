"""Applications beside Jupyter, pages without our extension, images without the kit."""

from ..script import scene

_PROXIED = "somebody has used it"
# Echoes what comes, as an editor's or RStudio's server talks with its page.
_APPLICATION = """
import tornado.ioloop, tornado.web, tornado.websocket, tornado.gen
class Page(tornado.web.RequestHandler):
    async def get(self):
        await tornado.gen.sleep(float(self.get_argument("wait", "0")))
        self.write("here")
class Socket(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(message)
tornado.web.Application([("/socket", Socket), ("/.*", Page)]).listen(8765, "127.0.0.1")
tornado.ioloop.IOLoop.current().start()
"""


async def begin_application(stage):
    """As jupyter-server-proxy would: a child of nobody's terminal."""
    await stage.write("application.py", _APPLICATION)
    python = "/opt/jupyter/bin/python3"
    await stage.types(f"nohup {python} application.py > /dev/null 2>&1 &", "exit")


@scene(
    "code-server is open behind Jupyter's proxy",
    "Somebody may be looking at it, and nobody can tell",
    keeps=_PROXIED,
)
async def code_server(stage):
    await begin_application(stage)
    socket = await stage.socket("proxy/8765/socket")
    stage.stack.push_async_callback(socket.close)
    stage.keeps(socket.receive, 0.1)


@scene(
    "code-server was closed",
    "Nobody is there, and nothing runs",
    unsettled="it stays on, though the kit alone sees the socket go",
)
async def closed_code_server(stage):
    await begin_application(stage)
    await (await stage.socket("proxy/8765/socket")).close()


@scene(
    "RStudio is open behind Jupyter's proxy, and asks for news without a socket",
    "Somebody may be looking at it, and nobody can tell",
    keeps=_PROXIED,
    unsettled="it is stopped, though the kit alone counts such requests",
)
async def rstudio(stage):
    await begin_application(stage)
    # Its page asks by requests that wait for 50 seconds at most, and here for less, as
    # all of it takes less; a socket has a terminal of it only.
    stage.keeps(lambda: stage.get("proxy/8765/events?wait=9"), 0.1)


@scene(
    "A page without our extension is open, and nobody is there",
    "Nobody can tell: it goes on as it did with a culler",
    keeps=_PROXIED,
)
async def other_page(stage):
    await stage.page(kit=False)


@scene("A page without our extension was closed", "Nobody is there, and nothing runs")
async def closed_other_page(stage):
    page = await stage.page(kit=False)
    await page.close()


@scene(
    "An image without the kit is left alone",
    "Nobody is there, and nothing runs",
    profile="no-kit",
)
async def no_kit(stage):
    await stage.visitor.open_lab()


@scene(
    "An image without the kit has JupyterLab open",
    "Nobody can tell: it goes on as it did with a culler",
    keeps=_PROXIED,
    profile="no-kit",
)
async def no_kit_open(stage):
    await stage.page(kit=False)


@scene(
    "An image without the kit has a kernel that sleeps",
    "It waits for something",
    keeps=r"a kernel is busy \(python3\)",
    profile="no-kit",
)
async def no_kit_kernel(stage):
    await stage.begin_cell("import time; time.sleep(900)")


@scene(
    "An image without the kit has a silent program in a terminal",
    "It waits for something",
    keeps="sleep runs in a terminal",
    profile="no-kit",
)
async def no_kit_terminal(stage):
    await stage.types("sleep 900")


@scene(
    "The agent of the machine is frozen",
    "Nobody knows: what is not known is use",
    keeps="its machine has said nothing new",
)
async def frozen_agent(stage):
    await stage.visitor.open_lab()
    await stage.root("systemctl kill --signal=STOP ec2spawner-agent")


@scene(
    "What Jupyter says is replaced by a pipe of the user's",
    "Who says nothing is seen by the Hub's own clock, and no machine hangs",
)
async def hostile_said(stage):
    said = "/run/ec2spawner-people/said"
    await stage.types(
        f"while :; do rm -f {said}/said.json; mkfifo {said}/said.json; sleep 1; done "
        "> /dev/null 2>&1 &",
        "exit",
    )
