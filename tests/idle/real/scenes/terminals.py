"""Programs in terminals of Jupyter's, of which the tabs are closed."""

from ..acts import file, root, types
from ..script import play
from .notebook import JUPYTER, notebook

_LEFT = "It waits for somebody who has left"
_WAITS = "It waits for something"
_WORKS = "It works"
_SLEEPS = "sleep runs in a terminal"

play(
    "printing-program",
    "A program prints every two seconds",
    _WORKS,
    types("while true; do echo 1; sleep 2; done"),
    keeps=r"(sleep|bash) runs in a terminal|watch",
    letter="D",
)
play(
    "silent-program",
    "A silent program waits in a terminal",
    _WAITS,
    types("sleep 900"),
    keeps=_SLEEPS,
    letter="E",
)
play(
    "script",
    "A shell script runs in a terminal",
    _WORKS,
    file("job.sh", "sleep 900\ntrue"),
    types("sh job.sh"),
    keeps=r"(sleep|sh job\.sh) runs in a terminal",
)
play(
    "python-command",
    "python -c runs in a terminal",
    _WORKS,
    types("python3 -c 'import time; time.sleep(900)'"),
    keeps=r"python3(\.\d+)? runs in a terminal",
)
play(
    "python-program",
    "A program of Python's runs in a terminal, and sleeps",
    _WAITS,
    file("train.py", "import time; time.sleep(900)"),
    types("python3 train.py --epochs 9"),
    keeps=r"python3(\.\d+)? train\.py runs in a terminal",
)
play(
    "pipe",
    "A pipe whose first program has ended runs in a terminal",
    "Its last program still works",
    types("echo 1 | sleep 900"),
    keeps=_SLEEPS,
)
play(
    "nbconvert",
    "nbconvert executes a notebook that waits, in a terminal",
    "It is not done",
    file("wait.ipynb", notebook("import time; time.sleep(900)")),
    types(f"{JUPYTER} nbconvert --execute --to html wait.ipynb", seconds=8),
    keeps=r"jupyter-nbconvert runs in a terminal",
)
play("shell", "A shell is at its prompt", _LEFT, types("cd; ls"))
play(
    "python",
    "Python is at its prompt",
    _LEFT,
    types("python3 -q", "1 + 1", shows="python3 -q"),
)
play(
    "ipython",
    "IPython is at its prompt",
    _LEFT,
    types("/opt/jupyter/bin/ipython", shows="ipython", seconds=6),
)
play("vim", "vim is left open", _LEFT, types("vim.tiny notes", shows="vim"))
play("less", "less is left open", _LEFT, types("less /etc/passwd", shows="less"))
play(
    "pager-of-a-pipe",
    "A manual by way of a pager is left open",
    _LEFT,
    types("ls -R /etc 2>/dev/null | less", shows="less"),
)
play(
    "htop",
    "htop is left open",
    "It shows that nothing runs",
    types("htop", shows="htop"),
)
play(
    "watch",
    "watch shows the GPUs",
    "It shows that nothing runs",
    types("watch -n 2 nvidia-smi", shows="watch"),
)
play(
    "tail",
    "tail -f follows a log in which nothing happens",
    "Nothing happens",
    types("touch log; tail -f log", shows="tail"),
)
play(
    "tail-of-a-job",
    "tail -f follows the log of a job that computes",
    "The job computes",
    types("(while :; do :; done) > log 2>&1 &", "tail -f log"),
    keeps=r"bash uses \d\.\d CPUs|sh uses",
)
play(
    "tmux",
    "tmux is detached with a shell in it",
    _LEFT,
    types("tmux new-session -d; tmux ls", shows="tmux"),
)
play(
    "tmux-with-a-program",
    "tmux is detached with a program in it",
    "It works, and that is what tmux is for",
    types("tmux new-session -d 'sleep 900'"),
    keeps=_SLEEPS,
)
play(
    "stopped",
    "A program was stopped by Ctrl-Z and forgotten",
    "It cannot go on by itself",
    types("sleep 900", "\x1a", shows="sleep"),
)
play(
    "sudo",
    "sudo runs an upgrade in a terminal",
    "It is not done, though it is root's",
    root("echo 'jovyan ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/all"),
    types("sudo sh -c 'sleep 900; true'"),
    keeps=_SLEEPS,
)
