"""The agent is killed at every step of mounting a home, on a real file system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ec2spawner.claim.agent.work.blank import _UNFINISHED
from localec2.machines.loops import Loop

from . import killable_agent

pytestmark = pytest.mark.machine

NEVER = 1000
# The step after the question whether anything is on the volume.
FORMATS = 2
# How long a step goes on before the agent dies of it, seconds.
DELAYS = (0.0, 0.003, 0.008, 0.02)


class Computer:
    """Has the volume of a home, and what is mounted on it while it is on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seed = folder / "seed"
        self.seed.mkdir()
        (self.seed / "welcome").write_text("hello")
        self.file = folder / "volume"
        self.said: list[str] = []

    def blank(self) -> None:
        """Another volume, on which nothing is."""
        self.file.unlink(missing_ok=True)
        with self.file.open("wb") as file:
            file.truncate(64 << 20)
        self.said = []

    def switch_on(self) -> None:
        self.loop = Loop(self.file)
        # What is mounted here is mounted nowhere else, and ends with it.
        unshare = ["unshare", "--mount", "--propagation", "private"]
        self.holder = subprocess.Popen(
            [*unshare, "sh", "-c", "echo on; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == b"on\n"

    def switch_off(self) -> None:
        self.holder.communicate()
        self.loop.close(wait=10)

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nsenter", "--mount", f"--target={self.holder.pid}", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def agent(self, moment: int = NEVER, delay: float = 0.0) -> int:
        """Mount the home.

        :returns: 0, or less when it was killed
        """
        done = self.inside(
            *(sys.executable, killable_agent.__file__),
            *(f"/dev/loop{self.loop.number}", str(self.folder), str(self.seed)),
            *(str(moment), str(delay)),
        )
        self.said.append(done.stdout)
        return done.returncode

    @property
    def steps(self) -> int:
        """How many the last agent took, which was not killed."""
        return int(self.said[-1].split("steps: ")[1])

    @property
    def formatted(self) -> int:
        return sum("making a file system" in said for said in self.said)

    def home(self) -> str:
        """All names in the home, as its user sees them."""
        return self.inside("ls", "-A", str(self.folder / "home")).stdout

    def write(self, name: str) -> None:
        self.inside("touch", str(self.folder / "home" / name))


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    made = Computer(tmp_path)
    made.blank()
    return made


def killed(computer: Computer, moment: int, delay: float, power_cut: bool) -> None:
    """The agent is killed, and comes back.

    :param power_cut: on another machine
    """
    computer.switch_on()
    assert computer.agent(moment, delay) in (0, -9), computer.said
    if power_cut:
        computer.switch_off()
        computer.switch_on()
    assert computer.agent() == 0, computer.said


def check_home(computer: Computer) -> None:
    """A home that is complete, and that is never made again."""
    assert computer.home() == "welcome\n", computer.said
    computer.write("mine")
    computer.switch_off()
    made = computer.formatted
    computer.switch_on()
    assert computer.agent() == 0
    assert computer.home() == "mine\nwelcome\n"
    assert computer.formatted == made
    computer.switch_off()
    computer.blank()


def steps_of_a_new_home(computer: Computer) -> int:
    computer.switch_on()
    assert computer.agent() == 0
    computer.switch_off()
    steps = computer.steps
    computer.blank()
    return steps


@pytest.mark.slow
@pytest.mark.parametrize("power_cut", [False, True])
@pytest.mark.parametrize("delay", DELAYS)
def test_an_agent_killed_at_any_step_makes_a_home_complete(computer, delay, power_cut):
    steps = steps_of_a_new_home(computer)
    assert steps > 10
    for moment in range(1, steps + 1):
        killed(computer, moment, delay, power_cut)
        check_home(computer)
    print(f"{delay} s into a step, power cut: {power_cut}: {steps} moments")


def test_an_agent_killed_as_it_formats_or_seeds_makes_a_home_complete(computer):
    seeds = steps_of_a_new_home(computer) - 3
    for moment, delay in ((FORMATS, 0.008), (FORMATS, 0.02), (seeds, 0.003)):
        killed(computer, moment, delay, power_cut=True)
        check_home(computer)


def test_the_mark_of_an_unfinished_home_is_nothing_where_somebody_has_files(computer):
    computer.switch_on()
    assert computer.agent() == 0
    computer.write("mine")
    computer.switch_off()
    with computer.file.open("r+b") as file:
        file.seek(-len(_UNFINISHED), 2)
        file.write(_UNFINISHED)
    computer.switch_on()
    assert computer.agent() == 0
    assert computer.home() == "mine\nwelcome\n"
    assert computer.formatted == 1
    computer.switch_off()


@pytest.mark.slow
@pytest.mark.parametrize("power_cut", [False, True])
def test_an_agent_killed_at_any_step_formats_no_home_again(computer, power_cut):
    computer.switch_on()
    assert computer.agent() == 0
    computer.write("mine")
    computer.switch_off()
    computer.switch_on()
    assert computer.agent() == 0
    computer.switch_off()
    for moment in range(1, computer.steps + 1):
        killed(computer, moment, 0.003, power_cut)
        assert computer.home() == "mine\nwelcome\n"
        assert computer.formatted == 1
        computer.switch_off()
