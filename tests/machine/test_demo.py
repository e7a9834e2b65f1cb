"""The demo's round on machines that boot. Slow: a Hub and JupyterLab from the start."""

import pytest

from ..demo.running_demo import run
from ..demo.test_check import STEPS, assert_whole_round


@pytest.mark.slow
def test_a_check_does_the_whole_round_on_booted_machines():
    check = run("demo", "--check", "--machines=nspawn", timeout=1800)
    print(check.stdout)
    assert_whole_round(check)
    assert check.stdout.index("make what machines boot from") < check.stdout.index(
        STEPS[0]
    )
