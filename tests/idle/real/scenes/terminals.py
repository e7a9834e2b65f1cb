"""Programs in terminals of Jupyter's, of which the tabs are closed."""

from ..script import scene

JUPYTER = "/opt/jupyter/bin/jupyter"
_WAITS = "It waits for somebody who has left"


@scene(
    "A program prints every two seconds",
    "It works",
    keeps=r"(sleep|bash) runs in a terminal|watch",
    letter="D",
)
async def printing_program(stage):
    await stage.types("while true; do echo 1; sleep 2; done")


@scene(
    "A silent program waits in a terminal",
    "It waits for something",
    keeps="sleep runs in a terminal",
    letter="E",
)
async def silent_program(stage):
    await stage.types("sleep 900")


@scene(
    "A shell script runs in a terminal",
    "It works",
    keeps=r"(sleep|sh job\.sh) runs in a terminal",
)
async def script(stage):
    await stage.write("job.sh", "sleep 900\ntrue")
    await stage.types("sh job.sh")


@scene(
    "python -c runs in a terminal",
    "It works",
    keeps=r"python3(\.\d+)? runs in a terminal",
)
async def python_command(stage):
    await stage.types("python3 -c 'import time; time.sleep(900)'")


@scene(
    "A program of Python's runs in a terminal, and sleeps",
    "It waits for something",
    keeps=r"python3(\.\d+)? train\.py runs in a terminal",
)
async def python_program(stage):
    await stage.write("train.py", "import time; time.sleep(900)")
    await stage.types("python3 train.py --epochs 9")


@scene(
    "A pipe whose first program has ended runs in a terminal",
    "Its last program still works",
    keeps="sleep runs in a terminal",
)
async def pipe(stage):
    await stage.types("echo 1 | sleep 900")


@scene(
    "nbconvert executes a notebook that waits, in a terminal",
    "It is not done",
    keeps=r"jupyter-nbconvert runs in a terminal",
)
async def nbconvert(stage):
    await stage.write("wait.ipynb", NOTEBOOK % "import time; time.sleep(900)")
    await stage.types(f"{JUPYTER} nbconvert --execute --to html wait.ipynb", seconds=8)


@scene("A shell is at its prompt", _WAITS)
async def shell(stage):
    await stage.types("cd; ls")


@scene("Python is at its prompt", _WAITS)
async def python(stage):
    await stage.types("python3 -q", "1 + 1")
    await stage.until("pgrep -u jovyan -fx 'python3 -q'", 20)


@scene("IPython is at its prompt", _WAITS)
async def ipython(stage):
    await stage.types("/opt/jupyter/bin/ipython", seconds=6)
    await stage.until("pgrep -u jovyan ipython", 20)


@scene("vim is left open", _WAITS)
async def vim(stage):
    await stage.types("vim.tiny notes")
    await stage.until("pgrep -u jovyan vim", 20)


@scene("less is left open", _WAITS)
async def less(stage):
    await stage.types("less /etc/passwd")
    await stage.until("pgrep -u jovyan less", 20)


@scene("A manual by way of a pager is left open", _WAITS)
async def pager_of_a_pipe(stage):
    await stage.types("ls -R /etc 2>/dev/null | less")
    await stage.until("pgrep -u jovyan less", 20)


@scene("htop is left open", "It shows that nothing runs")
async def htop(stage):
    await stage.types("htop")
    await stage.until("pgrep -u jovyan htop", 20)


@scene("watch shows the GPUs", "It shows that nothing runs")
async def watch(stage):
    await stage.types("watch -n 2 nvidia-smi")
    await stage.until("pgrep -u jovyan watch", 20)


@scene("tail -f follows a log in which nothing happens", "Nothing happens")
async def tail(stage):
    await stage.types("touch log; tail -f log")
    await stage.until("pgrep -u jovyan tail", 20)


@scene(
    "tail -f follows the log of a job that computes",
    "The job computes",
    keeps=r"bash uses \d\.\d CPUs|sh uses",
)
async def tail_of_a_job(stage):
    await stage.types("(while :; do :; done) > log 2>&1 &", "tail -f log")


@scene("tmux is detached with a shell in it", _WAITS)
async def tmux(stage):
    await stage.types("tmux new-session -d; tmux ls")
    await stage.until("pgrep -u jovyan tmux", 20)


@scene(
    "tmux is detached with a program in it",
    "It works, and that is what tmux is for",
    keeps="sleep runs in a terminal",
)
async def tmux_with_a_program(stage):
    await stage.types("tmux new-session -d 'sleep 900'")


@scene("A program was stopped by Ctrl-Z and forgotten", "It cannot go on by itself")
async def stopped(stage):
    await stage.types("sleep 900", "\x1a")
    await stage.until("pgrep -u jovyan sleep", 20)


@scene(
    "sudo runs an upgrade in a terminal",
    "It is not done, though it is root's",
    keeps="sleep runs in a terminal",
)
async def sudo(stage):
    await stage.root("echo 'jovyan ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/all")
    await stage.types("sudo sh -c 'sleep 900; true'")


NOTEBOOK = """{"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec":
{"name": "python3", "display_name": "Python 3", "language": "python"}},
"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "outputs": [],
"execution_count": null, "source": "%s"}]}"""
