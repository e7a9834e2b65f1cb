"""What all tests share."""

import gc
import os
import sys

import pytest
from hypothesis import settings

# No test asserts how long something takes, on a computer that is busy. CI tries the
# same examples in each run: what is new in a failure is the change. ``slow`` looks for
# others each time.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("slow", deadline=None, max_examples=300, print_blob=True)


# Some hundred processes run our code here; each would compile it anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure(config: pytest.Config) -> None:
    slow = "slow" in config.getoption("markexpr")
    settings.load_profile("slow" if slow else "ci")


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is imported stays: to look through it for garbage costs a tenth of all."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three for each processor: most tests wait for hubs and machines to start."""
    return 3 * len(os.sched_getaffinity(0))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """What is dear runs only when it is asked for: by ``-m``, or by its name."""
    if any("::" in word for word in config.args):
        return
    asked = config.getoption("markexpr")
    if "slow" in asked or "qemu" in asked:
        return
    dear = [
        item
        for item in items
        if item.get_closest_marker("slow") or item.get_closest_marker("qemu")
    ]
    config.hook.pytest_deselected(items=dear)
    items[:] = [item for item in items if item not in dear]
