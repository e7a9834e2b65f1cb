"""Every benchmark runs, with tiny numbers, and compares. Nobody asserts how fast."""

from pathlib import Path

import pytest

import benchmarks
from benchmarks import __main__ as command
from benchmarks import page, results
from benchmarks.results import Result, Row

#: of a Hub, or of machines
SLOW = {"burst", "heartbeats", "lag", "preload", "ready", "restart", "resume", "start"}
FOLDER = Path(benchmarks.__file__).parent


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in command.NAMES
    ],
)
def test_it_runs_with_tiny_numbers_and_compares(name):
    found = command.run_one(name, quick=True)
    assert found.rows and found.quick
    for row in found.rows:
        assert row.ours >= 0 and row.other >= 0 and row.what and row.than


def test_each_has_a_name_and_a_purpose_of_one_line(capsys):
    scripts = {p.stem for p in FOLDER.glob("*.py") if "\ndef run(" in p.read_text()}
    assert scripts == set(command.NAMES)
    with pytest.raises(SystemExit):
        command.main(["--help"])
    shown = capsys.readouterr().out
    assert all(command.purpose(name) in shown for name in command.NAMES)


def test_an_unknown_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        command.main(["fastest"])
    assert "there is no benchmark fastest" in capsys.readouterr().err


def test_a_result_is_read_as_it_was_written(tmp_path):
    row = Row("a thing", "s", 2.0, 5.0, "another", goal="1 s")
    made = results.result("things", "Things, compared.", False, [row])
    path = results.write(made, tmp_path)
    assert Result.read(path) == made and row.ratio == 2.5
    shown = results.table(made)
    assert "| a thing | 2 s | another | 5 s | 2.5 | 1 s |" in shown
    assert all(v in shown for v in made.versions.values())


def test_what_is_kept_was_no_quick_run_and_is_what_the_page_shows():
    kept = results.read_all()
    assert kept and not any(each.quick for each in kept)
    assert page.PAGE.read_text() == page.text()
