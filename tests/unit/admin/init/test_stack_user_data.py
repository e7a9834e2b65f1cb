"""What the hub's computer says when its first boot fails. tests/machine/test_init.py
has one that succeeds."""

import json
import os
import subprocess

import pytest

from .hubs import NAMES, user_data


@pytest.fixture
def boot(tmp_path):
    """Run the user-data with programs that do nothing but what is said here."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def boot(**programs):
        told = tmp_path / "told"
        # The words of curl, each on a line of its own.
        programs = {"curl": f'printf "%s\\n" "$@" > {told}', "snap": "true"} | programs
        for name, text in programs.items():
            path = folder / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
        ended = subprocess.run(
            ["bash"],
            input=user_data().encode(),
            env={"PATH": f"{folder}:{os.environ['PATH']}"},
            capture_output=True,
        )
        return ended.returncode, told.read_text().splitlines()

    return boot


def test_a_boot_that_fails_tells_cloudformation_which_step_it_was(boot):
    code, words = boot(apt_get="exit 100")
    assert code != 0
    assert words[-1] == NAMES["HubReadyHandle"]
    told = json.loads(words[words.index("--data-binary") + 1])
    assert told["Status"] == "FAILURE"
    assert told["Reason"].startswith("It failed to install packages")


def test_a_volume_that_does_not_come_is_a_failure_too(boot):
    """Without it the hub would begin with an empty database."""
    code, words = boot(apt_get="true", timeout="exit 124")
    assert code != 0
    assert "It failed to find the volume of its database" in "\n".join(words)
