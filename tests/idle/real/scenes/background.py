"""What runs without a terminal."""

from ..script import scene
from .terminals import JUPYTER, NOTEBOOK

# Most of a processor; less where others want it, too.
_LOOP = (
    "import time\n"
    "while True:\n"
    "    began = time.process_time()\n"
    "    while time.process_time() - began < 0.3:\n"
    "        pass\n"
    "    time.sleep(0.1)\n"
)
_USES = r"uses \d\.\d CPUs"
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


@scene(
    "A loop runs by nohup, and the terminal is closed",
    "It computes",
    keeps=r"python3 loop\.py " + _USES,
)
async def nohup(stage):
    await stage.write("loop.py", _LOOP)
    await stage.types("nohup python3 loop.py > /dev/null 2>&1 &", "exit")


@scene(
    "Many short programs run one after another, and nobody waits for them",
    "Together they compute, though none of them lives for long",
    keeps=_USES,
)
async def short_programs(stage):
    # Each is init's, and only the control group has counted it.
    burns = "n=0; while [ $n -lt 60000 ]; do n=$((n+1)); done"
    await stage.write("short.sh", f"({burns}) &\n")
    line = "while :; do sh short.sh; sleep 0.3; done > /dev/null 2>&1 &"
    await stage.types(line, "exit")


@scene(
    "nbconvert executes a notebook that computes, by nohup",
    "Its kernel computes, and the server does not know it",
    keeps=_USES,
)
async def nbconvert_in_background(stage):
    code = "while True: pass"
    await stage.write("compute.ipynb", NOTEBOOK % code)
    line = f"nohup {JUPYTER} nbconvert --execute --to html compute.ipynb"
    await stage.types(f"{line} > /dev/null 2>&1 &", "exit", seconds=6)


@scene(
    "A download of 0.8 MB/s runs by nohup",
    "It is not done, though it uses no processor",
    keeps=r"0\.\d MB/s pass the network|1\.\d MB/s pass the network|uses 0\.\d CPUs",
)
async def download(stage):
    url = stage.other_computer(_SLOW, 9999)
    get = f"import urllib.request as u; u.urlretrieve('{url}', '/dev/null')"
    await stage.types(f'nohup python3 -c "{get}" > /dev/null 2>&1 &', "exit")


@scene(
    "nohup sleep waits for nothing that can be seen",
    "It does nothing; whoever waits for something elsewhere presses Keep",
)
async def nohup_sleep(stage):
    await stage.types("nohup sleep 900 > /dev/null 2>&1 &", "exit")
    await stage.until("pgrep -u jovyan sleep", 20)


@scene(
    "A language server and a worker murmur",
    "What lives on and uses next to nothing is idle",
)
async def murmurs(stage):
    murmur = _LOOP.replace("0.3", "0.005").replace("0.1", "0.5")
    await stage.write("murmur.py", murmur)
    await stage.types(*["nohup python3 murmur.py > /dev/null 2>&1 &"] * 3, "exit")
    await stage.until("pgrep -u jovyan python3", 20)


@scene(
    "A container computes",
    "It is the user's, whoever it runs as",
    keeps=_USES,
)
async def container(stage):
    await stage.write("loop.py", _LOOP)
    await stage.root("cp /home/jovyan/loop.py /opt/loop.py; chmod 644 /opt/loop.py")
    # As Docker's, a service of the machine's, with systemd as its cgroup driver.
    run = "systemd-run --unit=docker-1a2b --scope --slice=system.slice --uid=nobody"
    await stage.root(f"systemd-run --unit=docker {run} python3 /opt/loop.py")
    await stage.until("pgrep -u nobody python3", 20)


@scene(
    "A job of cron's computes",
    "It is the user's, though it runs in cron's own control group",
    keeps=_USES,
)
async def cron(stage):
    await stage.write("loop.py", _LOOP)
    await stage.types("echo '* * * * * python3 ~/loop.py' | crontab -", "exit")
    await stage.until("pgrep -f loop.py", 90)


@scene(
    "Root's own program computes",
    "It is the system's, and nobody's use",
)
async def roots_program(stage):
    run = "systemd-run --unit=updates --slice=system.slice"
    await stage.root(f"{run} sh -c 'while :; do :; done' 2>/dev/null")


@scene(
    "A job runs for some seconds, again and again",
    "Its next run is due before the idle time is over",
    keeps=_USES + r"|something has run on it|nothing has run on it for [34]\d s",
)
async def again_and_again(stage):
    burns = "n=0; while [ $n -lt 900000 ]; do n=$((n+1)); done"
    await stage.types(f"while :; do {burns}; sleep 30; done > /dev/null 2>&1 &", "exit")
