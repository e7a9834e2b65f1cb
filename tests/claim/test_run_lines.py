"""How the agent runs a setup script, and what that leaves behind."""

import os
import signal
import time

from ec2spawner.claim.agent.commands import run_lines


def test_every_line_is_handed_over_and_the_last_ones_are_kept():
    lines = []
    code, log = run_lines(["sh", "-c", "seq 100; echo ü >&2; exit 3"], lines.append)
    assert code == 3
    assert lines == [*map(str, range(1, 101)), "ü"]
    assert log.splitlines() == lines[-40:]


def test_what_a_script_leaves_in_the_background_does_not_hold_it_up():
    lines = []
    script = "(sleep 4; echo late; sleep 8) & echo $!"
    code, log = run_lines(["sh", "-c", script], lines.append)
    left = int(log)
    try:
        os.kill(left, 0)  # raises when it had to end first
        assert code == 0
        end = time.monotonic() + 6
        while time.monotonic() < end:
            assert lines == [str(left)]  # it has had its say
            time.sleep(0.5)
        os.kill(left, 0)  # nor does it die of what it says
    finally:
        os.kill(left, signal.SIGKILL)
