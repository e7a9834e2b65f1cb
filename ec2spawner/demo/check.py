"""``ec2spawner demo --check``: a user's whole round, without a person."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from localec2 import LocalControl
from localec2.client import MachineInfo

from .demo import Demo, DemoOptions
from .faults import Breakage, break_ec2
from .steps import StepFailed, Steps
from .visitor import Visitor
from .visitor.page import read_form

_SIZES = 3
# As c.EC2Spawner.sizes makes it (profiles/short.py).
_SIZE = "profile-option-machine--size"
_GONE_SECONDS = 20
# Says where the code runs: in which process, and whose address is its own.
_WHERE = """
import os, platform, socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.connect(("{hub}", 9))
    print(os.getpid(), s.getsockname()[0], "Python", platform.python_version(), end=" ")
print("on", platform.system(), platform.release())
"""


class CheckFailed(Exception):
    """What was seen is not what a user should see."""


def run_check(
    options: DemoOptions, breakages: list[Breakage], say: Callable[[str], None]
) -> int:
    """Do the round; returns the exit status of the command."""
    steps = Steps(say)
    steps.head()
    try:
        with Demo(options) as demo:
            try:
                _whole_round(demo, breakages, steps)
            except StepFailed:
                # The log goes with the folder, so it is shown while it is there.
                say(f"\nThe end of the Hub's log:\n{demo.log_tail()}\n")
                raise
            finally:
                with steps.step("end everything") as step:
                    demo.stop()
                    if left := demo.left_behind():
                        raise CheckFailed(f"this is left: {left}")
                    step.note = "no process, port or folder left"
    except StepFailed as failure:
        say(f"\nThe check failed at: {failure.name}\n  {failure.why}")
        return 1
    steps.total()
    return 0


def _whole_round(demo: Demo, breakages: list[Breakage], steps: Steps) -> None:
    if demo.options.kind.boots:
        with steps.step("make what machines boot from") as step:
            demo.prepare(steps.tell)
            step.note = f"for {demo.options.kind.name}"
    with steps.step("start the local EC2"):
        demo.start_cloud()
        break_ec2(demo.control, breakages)
    with steps.step("start JupyterHub and its proxy") as step:
        demo.start_hub()
        step.note = demo.public_url
    asyncio.run(_round(demo, steps))


async def _round(demo: Demo, steps: Steps) -> None:
    kind = demo.options.kind
    async with Visitor(demo.public_url, "maria", demo.password) as visitor:
        with steps.step("log in") as step:
            await visitor.log_in()
            step.note = f"as {visitor.name}"
        with steps.step("see the form") as step:
            sizes = _sizes(await visitor.form())
            step.note = ", ".join(sizes)
        with steps.step("choose a size") as step:
            await visitor.choose(None, fields={_SIZE: sizes[0]})
            step.note = sizes[0]
        with steps.step("follow the progress until ready") as step:
            events = await visitor.ready(timeout=kind.start_timeout)
            step.note = f"{len(events)} messages"
            machine = _only_machine(demo.control)
        with steps.step("open JupyterLab") as step:
            await visitor.open_lab()
            step.note = f"on {machine.instance_id}, {machine.private_ip}"
        with steps.step("run 6*7 in a notebook's kernel") as step:
            answer, kernel_id = await visitor.run_cell(
                "6*7", timeout=kind.answer_timeout
            )
            step.note = answer
            if answer != "42":
                raise CheckFailed(f"6*7 is {answer!r}")
        with steps.step("ask where the kernel runs") as step:
            code = _WHERE.format(hub=demo.cloud.hub_address)
            answer, _ = await visitor.run_cell(
                code, kernel_id=kernel_id, timeout=kind.answer_timeout
            )
            pid, address, step.note = answer.strip().split(" ", 2)
            machine = _only_machine(demo.control)
            if kind.boots:
                # It numbers its processes itself, and has a network of its own.
                if address != machine.private_ip:
                    raise CheckFailed(f"{address} is not the user's machine")
            elif int(pid) not in machine.pids:
                raise CheckFailed(f"process {pid} is not on the user's machine")
        with steps.step("stop the server"):
            await visitor.stop()
        with steps.step("see the machine go") as step:
            await _all_gone(demo.control)
            step.note = "terminated, no process of it left"


def _sizes(page: str) -> list[str]:
    form = read_form(page, "spawn_form")
    sizes = form.choices.get(_SIZE, []) if form else []
    if len(sizes) != _SIZES:
        raise CheckFailed(f"the form has {len(sizes)} sizes instead of {_SIZES}")
    return sizes


def _only_machine(control: LocalControl) -> MachineInfo:
    machines = control.machines()
    if len(machines) != 1:
        raise CheckFailed(f"{len(machines)} machines instead of one")
    return machines[0]


async def _all_gone(control: LocalControl) -> None:
    end = time.monotonic() + _GONE_SECONDS
    while left := [m for m in control.machines() if m.state != "terminated" or m.pids]:
        if time.monotonic() > end:
            states = ", ".join(f"{m.instance_id} is {m.state}" for m in left)
            raise CheckFailed(
                f"{states}, with {sum(len(m.pids) for m in left)} processes"
            )
        await asyncio.sleep(0.1)
