"""The page of commands has each command, with all of its options."""

import sys

import pytest

from .configs import DOCS

sys.path.insert(0, str(DOCS / "_ext"))

from commands_text import commands, commands_rst, options  # noqa: E402

TEXT = "\n".join(commands_rst())
COMMANDS = list(commands())


def test_commands_of_groups_are_there_too():
    names = {command.name for command in COMMANDS}
    assert {"ec2spawner init", "ec2spawner ls", "ec2spawner image build"} <= names


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_says_what_it_is_for_and_what_each_option_does(command):
    assert f".. rubric:: {command.name}\n" in TEXT
    assert command.description.splitlines()[0] in TEXT
    for option, help in options(command):
        assert help and f"``{option}``\n   {help}" in TEXT


def test_the_page_is_made_from_it():
    page = (DOCS / "reference" / "commands.md").read_text()
    assert ".. ec2spawner-commands::" in page
