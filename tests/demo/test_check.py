"""``ec2spawner demo --check`` does a user's whole round, and says how it went."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from .running_demo import run

STEPS = [
    "start the local EC2",
    "start JupyterHub and its proxy",
    "log in",
    "see the form",
    "choose a size",
    "follow the progress until ready",
    "open JupyterLab",
    "run 6*7 in a notebook's kernel",
    "ask where the kernel runs",
    "stop the server",
    "see the machine go",
    "end everything",
    "total",
]


def assert_whole_round(check: subprocess.CompletedProcess[str]) -> None:
    assert check.returncode == 0, check.stdout + check.stderr
    lines = iter(check.stdout.splitlines())
    for step in STEPS:
        assert any(
            line.startswith(step) and re.search(r" \d+\.\d\d$", line) for line in lines
        ), f"no line for {step!r} in\n{check.stdout}"


@pytest.mark.slow
def test_two_checks_at_once_each_do_the_whole_round_even_with_a_zone_sold_out():
    one_zone = "RunInstances@us-west-2a=InsufficientInstanceCapacity"
    commands = [["demo", "--check"], ["demo", "--check", "--break", one_zone]]
    with ThreadPoolExecutor(2) as pool:
        checks = list(pool.map(lambda command: run(*command), commands))
    for check in checks:
        assert_whole_round(check)
        assert check.stderr == ""


@pytest.mark.slow
def test_a_check_with_a_broken_ec2_fails_and_names_the_step_and_the_reason(tmp_path):
    log = tmp_path / "hub.log"
    check = run(
        "demo",
        "--check",
        "--break",
        "RunInstances=UnauthorizedOperation",
        f"--keep-log={log}",
    )
    assert check.returncode == 1
    # The Hub waits a second for a start to fail before it shows the progress page.
    assert re.search(
        r"The check failed at: (choose a size|follow the progress until ready)\n"
        r"  This hub is not allowed to do this on AWS",
        check.stdout,
    ), check.stdout
    assert "The end of the Hub's log:" in check.stdout
    assert "UnauthorizedOperation" in check.stdout
    assert "no process, port or folder left" in check.stdout
    assert "UnauthorizedOperation" in log.read_text()
