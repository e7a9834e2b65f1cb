"""The command line says plainly what is there, what is wrong and what to do."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from ec2spawner import cli
from ec2spawner.demo import demo, kinds, needs
from localec2.net import this_computer
from localec2.roots import roots

from .running_demo import run


def test_it_tells_its_version():
    assert run("--version").stdout.strip() == version("ec2spawner")


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_its_help_names_the_commands(arguments):
    answer = run(*arguments)
    assert answer.returncode == 0
    assert "demo\n    Run a whole hub on this computer" in answer.stdout


def test_the_help_of_demo_names_its_options():
    answer = run("demo", "--help")
    assert answer.returncode == 0
    for option in (
        "--check",
        "--machines",
        "--port",
        "--idle-timeout",
        "--verbose",
        "--keep-log",
    ):
        assert option in answer.stdout


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        (["dmo"], 2, "there is no command 'dmo'. Commands are: "),
        (["--prot"], 2, "there is no option --prot. See ec2spawner --help"),
        (["demo", "--prot=1"], 2, "there is no option --prot. See ec2spawner demo"),
        (["demo", "check"], 2, "what is 'check'? See ec2spawner demo --help"),
        (["demo", "--port", "http"], 1, "'port' trait"),
        (["demo", "--machines=vmware"], 1, "'nspawn', 'qemu'"),
        (["demo", "--break", "RunInstances"], 1, "write the action and the error code"),
    ],
)
def test_a_mistake_is_told_in_one_line(arguments, status, words):
    answer = run(*arguments)
    assert answer.returncode == status
    assert words in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_without_the_demo_extra_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(needs, "_MODULES", {"no_such_module": "moto"})
    cli.EC2SpawnerApp.clear_instance()
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo"])
    assert ended.value.code == 1
    text = capsys.readouterr().err
    assert 'the demo needs moto. Install it by: pip install "ec2spawner[demo]"' in text


def test_what_needs_nothing_does_not_load_the_local_ec2():
    code = (
        "import sys; from ec2spawner.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: pass\n"
        "sys.exit(any(m.startswith('localec2') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("kind", ["nspawn", "qemu"])
def test_machines_that_cannot_boot_here_say_what_is_missing_before_anything_starts(
    monkeypatch, capsys, kind
):
    monkeypatch.setattr(roots, "_found", lambda command: command != "mmdebstrap")
    monkeypatch.setattr(demo.Demo, "__enter__", lambda self: pytest.fail("started"))
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", f"--machines={kind}", "--check"])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "apt-get install --no-install-recommends mmdebstrap\n" in said


def test_machines_of_a_demo_reach_registries_only_if_that_is_asked_for(monkeypatch):
    found = {"outside": ("index.test:443",), "index_urls": (), "ca_bundle": ""}
    monkeypatch.setattr(this_computer, "ways", lambda roots: found)
    kind = kinds.KINDS["nspawn"]
    assert demo.DemoOptions(kind=kind).settings.outside == ()
    options = demo.DemoOptions(kind=kind, outside=True)
    assert options.settings.outside == ("index.test:443",)
    assert options.settings.machines == "nspawn"


def test_machines_that_are_processes_need_no_way_out(monkeypatch, capsys):
    monkeypatch.setattr(demo.Demo, "__enter__", lambda self: pytest.fail("started"))
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", "--outside"])
    assert ended.value.code == 2
    assert "--outside needs --machines=nspawn" in capsys.readouterr().err


def test_a_root_that_cannot_be_made_is_told_with_the_reason(monkeypatch):
    def fails(kind, suite, tell):
        raise roots.CannotBoot("no network here")

    monkeypatch.setattr(kinds, "ready", fails)
    options = demo.DemoOptions(kind=kinds.KINDS["nspawn"])
    with pytest.raises(demo.DemoError, match="no network here"):
        demo.Demo(options).prepare(print)
