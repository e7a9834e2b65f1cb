"""Kernels that compute, wait, or were forgotten."""

from ..acts import begun_cell, cell, moves, root
from ..script import play, play_too_long
from .loop import BURN, LOOP, USES

_BUSY = r"a kernel is busy \(python3\)"
_SLEEPS = "import time; time.sleep(900)"
_WAITS_ON = "import time\nwhile True: time.sleep(1)"
# As a page asks for it that can show the question.
_ASKS = "get_ipython().kernel._allow_stdin = True; input()"
_CLUSTER = """
import time
from distributed import Client, LocalCluster
cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
client = Client(cluster)
"""

play(
    "silent-kernel",
    "A kernel computes and prints nothing, the tab is closed",
    "The computation is why the machine is there",
    begun_cell(_SLEEPS),
    keeps=_BUSY,
    letter="B",
)
play(
    "printing-kernel",
    "A kernel prints every five seconds, the tab is closed",
    "It computes",
    begun_cell("import time\nwhile True: print(1); time.sleep(5)"),
    keeps=_BUSY,
    letter="C",
)
play(
    "burning-kernel",
    "A kernel uses a processor and prints nothing, the tab is closed",
    "It computes",
    begun_cell(LOOP),
    keeps=_BUSY,
)
play(
    "sleeping-kernel",
    "A kernel runs while True: sleep",
    "Nobody can tell whether it waits for something; busy_limit is for it",
    begun_cell(_WAITS_ON),
    keeps=_BUSY,
)
play_too_long(
    "sleeping-kernel-for-too-long",
    "A kernel runs while True: sleep",
    moves(),
    begun_cell(_WAITS_ON, 0),
)
play(
    "asking-kernel",
    "A kernel waits at input(), the tab is closed",
    "It looks like a computation",
    begun_cell(_ASKS),
    keeps=_BUSY,
)
play_too_long(
    "asking-kernel-for-too-long",
    "A kernel waits at input()",
    moves(),
    begun_cell(_ASKS, 0),
)
play(
    "done-kernel",
    "A kernel computes and is done",
    "Nothing has run since",
    cell("import time; time.sleep(20)"),
)
play(
    "five-kernels",
    "Five idle kernels are left running",
    "They hold memory and compute nothing",
    *[cell(f"{number} + 1") for number in range(5)],
)
play(
    "one-of-two-kernels",
    "One of two kernels is idle, and the other computes",
    "One of them computes",
    begun_cell(_SLEEPS),
    cell("1 + 1"),
    keeps=_BUSY,
)
play(
    "thread-of-a-kernel",
    "A cell is done, and a thread that it has begun computes",
    "It computes, though the kernel is idle",
    cell(BURN + "import threading; threading.Thread(target=burn, daemon=True).start()"),
    keeps=r"python3? .*" + USES,
)
play(
    "sleeping-child-of-a-kernel",
    "A cell is done, and a process that it has begun sleeps",
    "What does nothing, nobody sees: Keep is for it",
    cell("import subprocess; child = subprocess.Popen(['sleep', '900'])"),
)
play(
    "idle-dask",
    "An idle Dask cluster was left by a kernel",
    "Its workers wait for work that nobody sends",
    cell(_CLUSTER + "print(client.submit(sum, [1, 2]).result())"),
)
play(
    "busy-dask",
    "A Dask cluster works while its kernel is idle",
    "It computes, though no kernel is busy",
    cell(BURN + _CLUSTER + "future = client.submit(burn)"),
    keeps=USES,
)
play(
    "busy-gpu",
    "A GPU trains in the background and the processor waits for it",
    "It computes where no processor is used",
    root("touch /dev/nvidia0; echo 87 > /run/gpu-percent"),
    cell("1 + 1"),
    keeps="a GPU is at 87 %",
)
play(
    "idle-gpu",
    "A model lies in the memory of a GPU and nothing runs",
    "It waits for a question that nobody asks",
    root("touch /dev/nvidia0; echo 0 > /run/gpu-percent"),
    cell("model = bytes(1 << 20)"),
)
play(
    "silent-gpu",
    "A GPU cannot be asked how busy it is",
    "Who knows: what is not known is use",
    root("touch /dev/nvidia0; rm -f /run/gpu-percent"),
    keeps="a GPU cannot be looked at",
)
