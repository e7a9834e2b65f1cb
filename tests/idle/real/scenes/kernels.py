"""Kernels that compute, wait, or were forgotten."""

from ..script import BUSY_LIMIT, scene

_BUSY = r"a kernel is busy \(python3\)"
_SLEEPS = "import time; time.sleep(900)"
# As a page asks for it that can show the question.
_ASKS = "get_ipython().kernel._allow_stdin = True; input()"
_BURN = """
import time
def burn():
    while True:
        began = time.process_time()
        while time.process_time() - began < 0.3: pass
        time.sleep(0.1)
"""
_CLUSTER = """
import time
from distributed import Client, LocalCluster
cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
client = Client(cluster)
"""


@scene(
    "A kernel computes and prints nothing, the tab is closed",
    "The computation is why the machine is there",
    keeps=_BUSY,
    letter="B",
)
async def silent_kernel(stage):
    await stage.begin_cell(_SLEEPS)


@scene(
    "A kernel prints every five seconds, the tab is closed",
    "It computes",
    keeps=_BUSY,
    letter="C",
)
async def printing_kernel(stage):
    await stage.begin_cell("import time\nwhile True: print(1); time.sleep(5)")


@scene(
    "A kernel uses a processor and prints nothing, the tab is closed",
    "It computes",
    keeps=_BUSY,
)
async def burning_kernel(stage):
    await stage.begin_cell(_BURN + "burn()")


@scene(
    "A kernel runs while True: sleep",
    "Nobody can tell whether it waits for something; busy_limit is for it",
    keeps=_BUSY,
)
async def sleeping_kernel(stage):
    await stage.begin_cell("import time\nwhile True: time.sleep(1)")


@scene(
    "A kernel runs while True: sleep on a machine with a busy limit",
    "Nobody has been here for as long as that",
    profile="busy-limit",
    after=BUSY_LIMIT,
    limit="busy",
)
async def sleeping_kernel_for_too_long(stage):
    await stage.ask(human=True)
    await stage.begin_cell("import time\nwhile True: time.sleep(1)", 0)


@scene(
    "A kernel waits at input(), the tab is closed",
    "It looks like a computation",
    keeps=_BUSY,
)
async def asking_kernel(stage):
    await stage.begin_cell(_ASKS)


@scene(
    "A kernel waits at input() on a machine with a busy limit",
    "Nobody has been here for as long as that",
    profile="busy-limit",
    after=BUSY_LIMIT,
    limit="busy",
)
async def asking_kernel_for_too_long(stage):
    await stage.ask(human=True)
    await stage.begin_cell(_ASKS, 0)


@scene("A kernel computes and is done", "Nothing has run since")
async def done_kernel(stage):
    await stage.cell("import time; time.sleep(20)")


@scene("Five idle kernels are left running", "They hold memory and compute nothing")
async def five_kernels(stage):
    for number in range(5):
        await stage.cell(f"{number} + 1")


@scene(
    "One of two kernels is idle, and the other computes",
    "One of them computes",
    keeps=_BUSY,
)
async def one_of_two_kernels(stage):
    await stage.begin_cell(_SLEEPS)
    await stage.cell("1 + 1")


@scene(
    "A cell is done, and a thread that it has begun computes",
    "It computes, though the kernel is idle",
    keeps=r"python3? .*uses \d\.\d CPUs",
)
async def thread_of_a_kernel(stage):
    start = "import threading; threading.Thread(target=burn, daemon=True).start()"
    await stage.cell(_BURN + start)


@scene(
    "A cell is done, and a process that it has begun sleeps",
    "What does nothing, nobody sees: Keep is for it",
)
async def sleeping_child_of_a_kernel(stage):
    await stage.cell("import subprocess; child = subprocess.Popen(['sleep', '900'])")


@scene(
    "An idle Dask cluster was left by a kernel",
    "Its workers wait for work that nobody sends",
)
async def idle_dask(stage):
    await stage.cell(_CLUSTER + "print(client.submit(sum, [1, 2]).result())")


@scene(
    "A Dask cluster works while its kernel is idle",
    "It computes, though no kernel is busy",
    keeps=r"uses \d\.\d CPUs",
)
async def busy_dask(stage):
    await stage.cell(_BURN + _CLUSTER + "future = client.submit(burn)")


@scene(
    "A GPU trains in the background and the processor waits for it",
    "It computes where no processor is used",
    keeps="a GPU is at 87 %",
)
async def busy_gpu(stage):
    await stage.root("touch /dev/nvidia0; echo 87 > /run/gpu-percent")
    await stage.cell("1 + 1")


@scene(
    "A model lies in the memory of a GPU and nothing runs",
    "It waits for a question that nobody asks",
)
async def idle_gpu(stage):
    await stage.root("touch /dev/nvidia0; echo 0 > /run/gpu-percent")
    await stage.cell("model = bytes(1 << 20)")


@scene(
    "A GPU cannot be asked how busy it is",
    "Who knows: what is not known is use",
    keeps="a GPU cannot be looked at",
)
async def silent_gpu(stage):
    await stage.root("touch /dev/nvidia0; rm -f /run/gpu-percent")
