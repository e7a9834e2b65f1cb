"""What a look at this very computer finds: real programs in real terminals."""

import os
import pty
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from ec2spawner.claim.agent.work.idle import sampler as module
from ec2spawner.claim.agent.work.idle.processes import (
    all_processes,
    in_front,
    theirs,
    typed_at,
)
from ec2spawner.claim.agent.work.idle.processor import HUM, Processors
from ec2spawner.claim.agent.work.idle.rules import called, what_runs
from ec2spawner.claim.agent.work.idle.sampler import Looking, Sampler, Whose
from ec2spawner.claim.agent.work.idle.sight import Program, Sight
from ec2spawner.claim.agent.work.process import environment

MARK = b"EC2SPAWNER_TEST=1"


@pytest.fixture
def terminal():
    """Starts a program in a terminal of its own, as a shell would: (its end, pid)."""
    started = []

    def start(*command):
        pid, end = pty.fork()
        if not pid:
            os.environ["EC2SPAWNER_TEST"] = str(os.getppid())
            os.execvp(command[0], command)
        started.append((pid, end))
        return pid, end

    yield start
    for pid, end in started:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(end)


def is_of(pid):
    """The process, as what a look would take for somebody's."""
    return lambda process: process.pid == pid


def until(check):
    end = time.monotonic() + 20
    while not (found := check()):
        assert time.monotonic() < end, "still not so"
        time.sleep(0.02)
    return found


def runs_in_front(pid):
    programs = in_front(theirs(all_processes(), is_of(pid)))
    return what_runs(Sight(programs=programs))


def settled(pid, name):
    return until(lambda: all_processes()[pid].name == name)


@pytest.mark.parametrize(
    "command, says",
    [
        (["sleep", "60"], "sleep runs in a terminal"),
        (["cat"], "cat runs in a terminal"),
        (["sh", "-c", "sleep 60; true"], "sleep runs in a terminal"),
        (
            [sys.executable, "-c", "input()"],
            os.path.basename(sys.executable) + " runs in a terminal",
        ),
    ],
    ids=str,
)
def test_what_runs_in_front_of_a_terminal_is_seen(terminal, command, says):
    pid, _ = terminal(*command)
    until(lambda: any(says.split()[0] in each for each in runs_in_front(pid)))


@pytest.mark.parametrize(
    "command", [["sh"], [sys.executable], ["tail", "-f", "/dev/null"]]
)
def test_what_waits_for_somebody_is_seen_to_wait(terminal, command):
    pid, _ = terminal(*command)
    name = os.path.basename(os.path.realpath(command[0]))
    until(lambda: all_processes()[pid].name.startswith(name[:2]))
    assert runs_in_front(pid) == ()


def test_what_a_shell_has_put_to_the_background_is_not_in_front(terminal):
    pid, end = terminal("sh", "-i")
    os.write(end, b"sleep 61 &\n")
    until(lambda: len(theirs(all_processes(), is_of(pid))) == 2)
    until(lambda: runs_in_front(pid) == ())
    os.write(end, b"sleep 62\n")
    until(lambda: runs_in_front(pid) == ("sleep runs in a terminal",))


def test_when_somebody_types_is_seen_and_what_a_program_prints_is_not(terminal):
    pid, end = terminal("sh", "-c", "while read line; do :; done")
    # Between fork and exec it has none.
    until(lambda: all_processes()[pid].terminal)
    mine = theirs(all_processes(), is_of(pid))
    (file,) = {process.terminal for process in mine}
    os.utime(file, (1000, 1000))
    assert typed_at(mine) == [1000]
    os.write(end, b"a line\n")
    until(lambda: typed_at(mine) != [1000])
    assert time.time() - typed_at(mine)[0] < 60


def test_what_theirs_has_started_is_theirs_too(terminal):
    pid, _ = terminal("sh", "-c", "sh -c 'sleep 60; true'; true")
    found = until(
        lambda: len(theirs(all_processes(), is_of(pid))) == 3
        and theirs(all_processes(), is_of(pid))
    )
    assert {process.name for process in found} == {"sh", "sleep"}


def test_a_program_that_computes_is_named_and_one_that_idles_is_not(tmp_path):
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        seen = Processors(str(tmp_path))

        def look():
            mine = theirs(all_processes(), is_of(busy.pid))
            now = time.monotonic()
            used = seen.used(mine, now - look.at)
            look.at = now
            return used

        look.at = time.monotonic()
        assert look() == (0.0, None)
        cpus, who = until(lambda: (found := look())[0] > 0.1 and found)
        assert 0.1 < cpus < 1.5 and who.pid == busy.pid
        os.kill(busy.pid, signal.SIGSTOP)
        look()
        time.sleep(0.05)
        assert look()[0] < HUM
    finally:
        busy.kill()
        busy.wait()


def groups_of(root):
    """Control groups; who is given a name and seconds has used these in that group."""
    (root / "cgroup.controllers").write_text("cpu")

    def burn(group, seconds):
        (root / group).mkdir(parents=True, exist_ok=True)
        text = f"usage_usec {int(seconds * 1e6)}\nuser_usec 0"
        (root / group / "cpu.stat").write_text(text)

    return burn


def test_groups_of_control_count_what_has_come_and_gone(tmp_path):
    """Version 2. Systems' own services do not count."""
    burn = groups_of(tmp_path)
    burn("user.slice", 100)
    burn("system.slice", 500)
    burn("system.slice/docker-1.scope", 0)
    burn("system.slice/cron.service", 0)
    seen = Processors(str(tmp_path))
    seen.used([], 30)
    burn("user.slice", 106)
    burn("system.slice/docker-1.scope", 3)
    burn("system.slice/cron.service", 60)
    assert seen.used([], 30) == (pytest.approx(0.3), None)
    burn("machine.slice", 50)  # new: nobody knows since when
    assert seen.used([], 30) == (0.0, None)


def test_a_job_of_cron_counts_though_cron_is_a_service_of_the_systems(tmp_path):
    """In its control group, that is, as all that services start for the account."""
    groups_of(tmp_path)("user.slice", 100)
    job = SimpleNamespace(pid=7, born=7, own=1.0, children=0.0)
    seen = Processors(str(tmp_path))
    seen.used([job], 30)
    job = SimpleNamespace(pid=7, born=7, own=16.0, children=0.0)
    assert seen.used([job], 30) == (pytest.approx(0.5), job)


def test_a_process_machine_knows_its_own_by_their_mark():
    marked = dict(os.environ, EC2SPAWNER_TEST="1")
    with subprocess.Popen(["sleep", "60"], env=marked) as child:
        until(lambda: MARK in environment(child.pid))
        assert environment(os.getpid()) == [] == environment(1 << 30)
        child.kill()


# -- the thread that looks -------------------------------------------------------------


@pytest.fixture
def sampler(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "all_processes", dict)
    monkeypatch.setattr(module, "passed", lambda: 0.0)
    made = Sampler(Whose(lambda p: False, True), str(tmp_path / "said"), lambda: [])
    made.processors.root = str(tmp_path)
    return made


def test_before_the_first_look_and_while_looks_fail_nothing_is_known(
    sampler, monkeypatch
):
    assert sampler.seen() is None and sampler.idle(0) == 0
    sampler.look()
    assert sampler.seen()["why_active"] == []
    sampler.looked -= 1000
    assert sampler.seen() is None and sampler.idle(0) == 0


def test_the_hub_hears_at_once_of_who_comes_back_and_of_a_press(sampler, monkeypatch):
    said = module.Said()
    monkeypatch.setattr(module, "read_said", lambda path: said)
    told, looking = [], Looking(sampler, lambda: told.append(1), lambda: 300.0)
    looking.once()
    assert len(told) == 1, "of the first look"
    looking.once()
    assert len(told) == 1
    sampler.memory.human -= 3000
    said = module.Said(at=time.time(), human=time.time())
    looking.once()
    assert len(told) == 2
    looking.once()
    said = said._replace(keep=17.0)
    looking.once()
    assert len(told) == 3
    looking.once()
    assert len(told) == 3 and sampler.seen()["keep"] == 17.0


def test_a_gpu_that_cannot_be_asked_and_a_server_that_does_not_answer_are_in_use(
    sampler, monkeypatch
):
    monkeypatch.setattr(module, "busiest_gpu", lambda: None)
    sampler.look()
    assert sampler.seen()["why_active"] == ["a GPU cannot be looked at"]
    monkeypatch.setattr(sampler, "ask", lambda: None)
    sampler.look()
    assert sampler.seen()["why_active"] == ["Jupyter cannot be looked at"]


def test_a_name_that_the_kernel_has_cut_off_is_told_in_full():
    words = ("/opt/bin/python3", "/opt/bin/jupyterhub-singleuser", "--port=9")
    assert called(Program("jupyterhub-sing", words)) == "jupyterhub-singleuser"
    assert called(Program("jupyterhub-sing")) == "jupyterhub-sing"
    assert called(Program("sleep", ("/usr/bin/sleepy",))) == "sleep"


@pytest.mark.parametrize(
    "words, name",
    [
        (["python3", "/home/ada/train.py", "--key=secret"], "python3 train.py"),
        (["python3", "-m", "http.server", "80"], "python3 -m http.server"),
        (["python3", "-c", "import time"], "python3"),
        (["python3", "-u", "fit.py"], "python3 fit.py"),
        (["bash", "run-all.sh", "a"], "bash run-all.sh"),
        (["rsync", "-a", "secret:", "."], "rsync"),
    ],
)
def test_a_program_is_called_by_what_it_runs_and_by_no_argument_of_that(words, name):
    assert called(Program(words[0], tuple(words))) == name
