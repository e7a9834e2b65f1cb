"""Applications beside Jupyter, pages without our extension, images without the kit."""

from ..acts import background, begun_cell, closed_page, file, open_page, root, types
from ..script import play

_USED = "somebody has used it"
_MAY_LOOK = "Somebody may be looking at it, and nobody can tell"
_AS_A_CULLER = "Nobody can tell: it goes on as it did with a culler"
_GONE = "Nobody is there, and nothing runs"
_WAITS = "It waits for something"
_NO_KIT = {"profile": "no-kit"}
# Echoes what comes, as an editor's or RStudio's server talks with its page.
_PROGRAM = """
import tornado.ioloop, tornado.web, tornado.websocket, tornado.gen
class Page(tornado.web.RequestHandler):
    async def get(self):
        await tornado.gen.sleep(float(self.get_argument("wait", "0")))
        self.write("here")
class Socket(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(message)
tornado.web.Application([("/socket", Socket), ("/.*", Page)]).listen(8765, "127.0.0.1")
open("listens", "w").close()
tornado.ioloop.IOLoop.current().start()
"""
# As jupyter-server-proxy would: a child of nobody's terminal.
_APPLICATION = (
    file("application.py", _PROGRAM),
    background("nohup /opt/jupyter/bin/python3 application.py"),
    # A proxy that finds nobody there lets nobody in.
    lambda stage: stage.until("ls /home/jovyan/listens", 30),
)


async def _opens(stage):
    await stage.hold(await stage.socket("proxy/8765/socket"), answers=True)


async def _opens_and_closes(stage):
    await (await stage.socket("proxy/8765/socket")).close()


async def _asks_for_news(stage):
    # Its page asks by requests that wait for 50 seconds at most, and here for less, as
    # all of it takes less; a socket has a terminal of it only.
    stage.keeps(lambda: stage.get("proxy/8765/events?wait=9"), 0.1)


play(
    "code-server",
    "code-server is open behind Jupyter's proxy",
    _MAY_LOOK,
    *_APPLICATION,
    _opens,
    keeps=_USED,
)
play(
    "closed-code-server",
    "code-server was closed",
    _GONE,
    *_APPLICATION,
    _opens_and_closes,
)
play(
    "rstudio",
    "RStudio is open behind Jupyter's proxy, and asks for news without a socket",
    _MAY_LOOK,
    *_APPLICATION,
    _asks_for_news,
    keeps=_USED,
)
play(
    "other-page",
    "A page without our extension is open, and nobody is there",
    _AS_A_CULLER,
    open_page(kit=False),
    keeps=_USED,
)
play(
    "closed-other-page",
    "A page without our extension was closed",
    _GONE,
    closed_page(kit=False),
)
play(
    "no-kit",
    "An image without the kit is left alone",
    _GONE,
    lambda stage: stage.visitor.open_lab(),
    **_NO_KIT,
)
play(
    "no-kit-open",
    "An image without the kit has JupyterLab open",
    _AS_A_CULLER,
    open_page(kit=False),
    keeps=_USED,
    **_NO_KIT,
)
play(
    "no-kit-kernel",
    "An image without the kit has a kernel that sleeps",
    _WAITS,
    begun_cell("import time; time.sleep(900)"),
    keeps=r"a kernel is busy \(python3\)",
    **_NO_KIT,
)
play(
    "no-kit-terminal",
    "An image without the kit has a silent program in a terminal",
    _WAITS,
    types("sleep 900"),
    keeps="sleep runs in a terminal",
    **_NO_KIT,
)
play(
    "frozen-agent",
    "The agent of the machine is frozen",
    "Nobody knows: what is not known is use",
    lambda stage: stage.visitor.open_lab(),
    root("systemctl kill --signal=STOP ec2spawner-agent"),
    # Of the second, where it was so soon that it had not spoken yet.
    keeps="its machine has (said nothing new|not said yet)",
)
_SAID = "/run/ec2spawner-people/said/said.json"
play(
    "hostile-said",
    "What Jupyter says is replaced by a pipe of the user's",
    "Who says nothing is seen by the Hub's own clock, and no machine hangs",
    background(f"while :; do rm -f {_SAID}; mkfifo {_SAID}; sleep 1; done"),
)
