"""What runs without a terminal."""

from ..acts import background, file, root, types
from ..script import play
from .loop import BURN, LOOP, USES
from .notebook import JUPYTER, notebook

# Serves so many bytes a second for ever, beside the machine's own.
_SLOW = """
import socket, sys, time
listens = socket.create_server(("0.0.0.0", 9999))
while True:
    to, _ = listens.accept()
    to.recv(4096)
    to.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
    try:
        while True:
            to.sendall(bytes(40000)); time.sleep(0.05)
    except OSError:
        pass
"""


def _count(to: int) -> str:
    """Some seconds of a shell's."""
    return f"n=0; while [ $n -lt {to} ]; do n=$((n+1)); done"


play(
    "nohup",
    "A loop runs by nohup, and the terminal is closed",
    "It computes",
    file("loop.py", LOOP),
    background("nohup python3 loop.py"),
    keeps=r"python3 loop\.py " + USES,
)
play(
    "short-programs",
    "Many short programs run one after another, and nobody waits for them",
    "Together they compute, though none of them lives for long",
    # Each is init's, and only the control group has counted it.
    file("short.sh", f"({_count(60000)}) &\n"),
    background("while :; do sh short.sh; sleep 0.3; done"),
    keeps=USES,
)
play(
    "nbconvert-in-background",
    "nbconvert executes a notebook that computes, by nohup",
    "Its kernel computes, and the server does not know it",
    file("compute.ipynb", notebook("while True: pass")),
    background(
        f"nohup {JUPYTER} nbconvert --execute --to html compute.ipynb", seconds=6
    ),
    keeps=USES,
)


async def _downloads(stage):
    url = stage.other_computer(_SLOW, 9999)
    get = f"import urllib.request as u; u.urlretrieve('{url}', '/dev/null')"
    await background(f'nohup python3 -c "{get}"')(stage)


play(
    "download",
    "A download of 0.8 MB/s runs by nohup",
    "It is not done, though it uses no processor",
    _downloads,
    keeps=r"0\.\d MB/s pass the network|1\.\d MB/s pass the network|uses 0\.\d CPUs",
)
play(
    "nohup-sleep",
    "nohup sleep waits for nothing that can be seen",
    "It does nothing; whoever waits for something elsewhere presses Keep",
    background("nohup sleep 900", shows="sleep"),
)
play(
    "murmurs",
    "A language server and a worker murmur",
    "What lives on and uses next to nothing is idle",
    file("murmur.py", BURN + "burn(0.005, 0.5)"),
    background("nohup python3 murmur.py", times=3, shows="murmur.py"),
)
# As Docker's, a service of the machine's, with systemd as its cgroup driver.
_CONTAINER = "systemd-run --unit=docker-1a2b --scope --slice=system.slice --uid=nobody"
play(
    "container",
    "A container computes",
    "It is the user's, whoever it runs as",
    file("loop.py", LOOP),
    root("cp /home/jovyan/loop.py /opt/loop.py; chmod 644 /opt/loop.py"),
    root(f"systemd-run --unit=docker {_CONTAINER} python3 /opt/loop.py"),
    lambda stage: stage.runs("loop.py", 20, who="nobody"),
    keeps=USES,
)
play(
    "cron",
    "A job of cron's computes",
    "It is the user's, though it runs in cron's own control group",
    file("loop.py", LOOP),
    types("echo '* * * * * python3 ~/loop.py' | crontab -", "exit"),
    lambda stage: stage.runs("loop.py", 90),
    keeps=USES,
)
play(
    "roots-program",
    "Root's own program computes",
    "It is the system's, and nobody's use",
    root(
        "systemd-run --unit=updates --slice=system.slice "
        "sh -c 'while :; do :; done' 2>/dev/null"
    ),
)
play(
    "again-and-again",
    "A job runs for some seconds, again and again",
    "Its next run is due before the idle time is over",
    background(f"while :; do {_count(900000)}; sleep 30; done"),
    keeps=USES + r"|something has run on it|nothing has run on it for [34]\d s",
)
