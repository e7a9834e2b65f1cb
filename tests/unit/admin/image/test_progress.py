"""How a build is shown: to people, in logs, to programs."""

import io
import json

from ec2spawner.admin.image.progress import Bar, Json, Lines, show_for
from ec2spawner.images.builds.follow import Event

INSTALL = Event("install", "", "i-1", 0.5)
MISSING = Event("missing", "spotpy run.py", "i-1", 0.6)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_logs_have_a_line_for_each_event():
    out = io.StringIO()
    show = show_for(False, out)
    assert type(show) is Lines
    show.event(INSTALL)
    show.event(MISSING)
    first, second = out.getvalue().splitlines()
    assert first == "  0:00  installing packages"
    assert second.endswith(
        "warning: run.py imports spotpy, which no file asks for: add its package to "
        "requirements.txt"
    )


def test_people_have_a_bar_below_the_lines_and_nothing_of_it_stays():
    out = Terminal()
    show = show_for(False, out)
    assert type(show) is Bar
    show.event(INSTALL)
    assert out.getvalue().endswith(f"  {'█' * 12}{'░' * 12}   50%")
    show.end()
    # Each return to the line's begin is followed by blanks as long as the bar.
    last = out.getvalue().split("\r")[-2:]
    assert last[0].strip() == "" and last[1] == ""


def test_programs_have_an_object_a_line():
    out = io.StringIO()
    show = show_for(True, out)
    assert type(show) is Json
    show.say("not for programs")
    show.event(MISSING)
    assert json.loads(out.getvalue()) == {
        "event": "missing",
        "text": "spotpy run.py",
        "machine": "i-1",
        "share": 0.6,
    }
