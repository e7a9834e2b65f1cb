"""What the commands show, on a terminal and in a file."""

import sys

import pytest

from ec2spawner.admin.table import Table, show

FOUND = Table(("ID", "STATE", "WHY"), [("i-1", "running", "x" * 90), ("i-22", "", "y")])


@pytest.fixture
def drawn(capsys, monkeypatch):
    """What is shown on a terminal that is 60 characters wide."""

    def drawn(*blocks):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", "60")
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)
        show(*blocks)
        return capsys.readouterr().out

    return drawn


def test_in_a_file_columns_are_aligned_and_nothing_is_cut(capsys):
    show(FOUND, "The end.")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "ID    STATE    WHY",
        f"i-1   running  {'x' * 90}",
        "i-22           y",
        "",
        "The end.",
    ]


def test_a_terminal_has_it_drawn_in_its_width_and_nothing_is_cut(drawn):
    text = drawn(FOUND)
    assert "\x1b[32mrunning" in text and "─" in text and "i-22" in text
    assert sum(line.count("x") for line in text.splitlines()) == 90


def test_a_command_to_be_copied_stays_one_line_on_a_terminal(drawn):
    command = f"aws ec2 {'x' * 80} --yes"
    text = drawn(f"PROBLEM   subnets\n     Fix: {command}")
    assert command in text and "\x1b[1;31mPROBLEM" in text


@pytest.mark.parametrize("name", ["\x1b[2J", "a\nb", "[red]x", "\ud800"])
def test_what_people_and_tags_are_called_moves_no_cursor_and_sets_no_colour(
    name, drawn
):
    table = Table(("OWNER",), [(name,)])
    text = drawn(table)
    shown = "[red]x" if name == "[red]x" else repr(name)[1:-1]
    assert shown in text and shown in str(table)
    assert "\x1b[2J" not in text


def test_a_terminal_without_rich_has_what_a_file_has(drawn, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert drawn(FOUND) == f"{FOUND}\n"
