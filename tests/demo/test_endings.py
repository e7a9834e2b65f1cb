"""However a demo ends, it leaves no process, no port and no folder."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

import pytest

from ec2spawner.demo.visitor import Visitor

from .running_demo import RunningDemo, Traces, eventually, run


async def start_server(demo: RunningDemo, name: str = "maria") -> None:
    """With a kernel, which has a session of its own."""
    async with Visitor(demo.url, name, demo.password) as visitor:
        await visitor.log_in()
        await visitor.choose(None)  # the smallest is at first
        await visitor.ready()
        assert (await visitor.run_cell("6*7"))[0] == "42"


async def traces_of(demo: RunningDemo) -> Traces:
    """Of a demo with a machine that works."""
    await start_server(demo)
    traces = Traces(demo)
    # Hub, proxy, culler, EC2 and the machine's own
    assert len(traces.processes) >= 7
    assert len(traces.markers) == 2 and len(traces.folders) == 1
    assert traces.left()
    return traces


@pytest.mark.parametrize(
    "how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
async def test_a_demo_tells_what_happens_and_takes_everything_down_when_asked_to_end(
    how, tmp_path
):
    with RunningDemo(tmp_path / "output") as demo:
        traces = await traces_of(demo)
        only_this_computer_reaches(traces)
        os.killpg(demo.process.pid, how)
        assert demo.process.wait(60) == 0
        assert traces.left() == []
    tells_what_happened(demo.text())
    *_, last = demo.text().splitlines()
    assert re.fullmatch(
        r"The demo is over after \d+ (s|min): EC2 was called \d+ times, 1 machine came "
        r"and went, and nothing is left behind\.",
        last,
    )


def tells_what_happened(text: str) -> None:
    steps = [
        r"EC2 call +RunInstances +ok +t3.small in us-west-2.: i-\w+",
        r"machine +i-\w+ +pending +t3.small at 127\.\S+, for maria",
        r"machine +i-\w+ +running",
        r"Ending the demo",
        r"EC2 call +TerminateInstances +ok +i-\w+",
        r"machine +i-\w+ +terminated +after \d+ s",
    ]
    assert re.search(".*".join(steps), text, re.DOTALL), text
    # Asked again and again, told once.
    assert len(re.findall("DescribeInstances", text)) == 1


def only_this_computer_reaches(traces: Traces) -> None:
    # EC2, the Hub, its proxy and the proxy's API, the machine
    assert len(traces.ports) >= 5
    assert [a for a, _ in traces.ports if not a.startswith("127.")] == []


@pytest.mark.slow
async def test_a_demo_has_an_admin_and_leaves_nothing_when_it_is_killed(tmp_path):
    with RunningDemo(tmp_path / "output") as demo:
        traces = await traces_of(demo)
        # As it is printed, in a terminal that has an account of its own.
        _, *command = demo.ls_line.split()
        listed = run(*command, environment={"AWS_PROFILE": "of-my-own"})
        assert listed.returncode == 0, listed.stderr
        assert re.search(r"i-\w+ +running +maria .* its server is ready", listed.stdout)
        async with Visitor(demo.url, "admin", demo.admin_password) as admin:
            await admin.log_in()
            status, _ = await admin._get(admin.hub_url("admin"))
            assert status == 200
            _, metrics = await admin._get(admin.hub_url("metrics"))
            running = r'ec2_instances\{.*size="t3.small",state="running"\} 1'
            assert re.search(running, metrics)
        demo.process.kill()
        demo.process.wait()
        eventually(lambda: not traces.left())


@pytest.mark.slow
async def test_a_second_ctrl_c_hurries_and_leaves_nothing(tmp_path):
    with RunningDemo(tmp_path / "output") as demo:
        traces = await traces_of(demo)
        os.killpg(demo.process.pid, signal.SIGINT)
        eventually(lambda: "Ending the demo" in demo.text())
        os.killpg(demo.process.pid, signal.SIGINT)
        demo.process.wait(60)
        eventually(lambda: not traces.left())


@pytest.mark.slow
async def test_a_demo_whose_hub_dies_shows_its_last_words_and_fails(tmp_path):
    with RunningDemo(tmp_path / "output") as demo:
        traces = Traces(demo)
        os.kill(hub_of(traces), signal.SIGKILL)
        assert demo.process.wait(60) == 1
        assert traces.left() == []
    assert "JupyterHub has ended with status -9. The end of its log:" in demo.text()
    assert "Hub API listening on" in demo.text()


def hub_of(traces: Traces) -> int:
    for pid in traces.processes:
        if b"\0jupyterhub\0-f\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise AssertionError("no hub")


def test_a_port_that_is_taken_is_refused_in_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        demo = run("demo", "--port", str(port))
    assert demo.returncode == 1
    assert f"cannot use port {port}: address already in use" in demo.stderr
    assert len(demo.stderr.splitlines()) == 1
