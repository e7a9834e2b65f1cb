"""The tutorial shows what ``ec2spawner init`` asks, writes and says, word for word."""

import re
import sys

import pytest

from ec2spawner.admin.init.app import InitApp

from .configs import DOCS

PAGE = (DOCS / "tutorials" / "aws.md").read_text()
SHOWN = DOCS / "tutorials" / "lab-hub" / "jupyterhub_config.py"
# What is typed, and what is said.
[DIALOGUE] = re.findall(r"```console\n\$ ec2spawner init lab-hub\n(.*?)```", PAGE, re.S)


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """All that is said when somebody types what the tutorial types."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    typed = iter(re.findall(r"\]:(.*)\n", DIALOGUE))

    def ask(text):
        answer = next(typed)
        print(text.rstrip() + answer)
        return answer

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    app = InitApp()
    app.initialize(["lab-hub"])
    app.start()
    return capsys.readouterr().out


def test_what_is_asked_is_asked_in_these_words(told):
    assert told.startswith(DIALOGUE)


def test_each_command_that_is_told_is_in_the_tutorial(told):
    commands = re.findall(r"^\d\. .*?\n\n(.*?)\n(?=\n|\Z)", told, re.M | re.S)
    assert len(commands) == 4
    for command in commands:
        assert f"```bash\n{command}\n```" in PAGE


def test_the_configuration_that_is_shown_is_the_one_that_is_written(told, tmp_path):
    written = (tmp_path / "lab-hub" / "jupyterhub_config.py").read_text()
    assert SHOWN.read_text() == written


def test_what_is_told_fits_a_terminal(told):
    assert max(map(len, told.splitlines())) <= 88
