"""What the commands take, which nobody waits for."""

import json
import subprocess
import sys

import pytest

from ec2spawner.admin.app import AdminApp
from ec2spawner.admin.options import CostOptions, PolicyOptions
from ec2spawner.admin.policy.formats import FORMATS
from ec2spawner.cli import EC2SpawnerApp
from ec2spawner.costs.report import WAYS
from ec2spawner.demo.kinds import KINDS
from ec2spawner.demo.options import DemoCommand

# All commands in one process: what one of them imports, none of them may.
_HELP = """
import contextlib, io, json, sys
from ec2spawner.cli import CommandGroup, EC2SpawnerApp, import_item

def helped(group):
    for name, (where, _) in group.subcommands.items():
        found = import_item(where)
        if issubclass(found, CommandGroup):
            yield from helped(found)
        else:
            found().print_help()
            yield found.name

out = io.StringIO()
with contextlib.redirect_stdout(out):
    asked = list(helped(EC2SpawnerApp))
heavy = {"jupyterhub", "boto3", "sqlalchemy", "pydantic", "rich", "moto", "localec2"}
print(json.dumps([asked, sorted(heavy & {*sys.modules}), out.getvalue()]))
"""


def test_help_of_no_command_waits_for_the_hub_or_boto3():
    done = subprocess.run(
        [sys.executable, "-c", _HELP], check=True, capture_output=True, text=True
    )
    asked, heavy, told = json.loads(done.stdout)
    assert heavy == []
    assert {"ec2spawner ls", "ec2spawner image build"} <= {*asked}
    assert "--dry-run" in told and "--boot-test" in told


@pytest.mark.parametrize(
    "options, trait, known",
    [
        (CostOptions, "by", WAYS),
        (PolicyOptions, "format", FORMATS),
        (DemoCommand, "machines", KINDS),
    ],
)
def test_what_an_option_may_be_is_what_its_work_knows(options, trait, known):
    assert sorted(options.class_traits()[trait].values) == sorted(known)


@pytest.mark.parametrize(
    "words, name", [(["--json"], "LsApp"), (["--json", "--help"], "LsOptions")]
)
def test_what_does_the_work_is_there_when_it_is_to_be_done(words, name, monkeypatch):
    app = EC2SpawnerApp()
    made = []
    monkeypatch.setattr(AdminApp, "initialize", lambda self, argv: made.append(self))
    app.initialize_subcommand("ls", words)
    assert [type(each).__name__ for each in made] == [name]
    type(app.subapp).clear_instance()
