"""The page of a server's life has the tables that the code uses."""

import sys

from ec2spawner.core.errors import Reason
from ec2spawner.core.event import Event
from ec2spawner.core.state import Act

from .configs import DOCS

sys.path.insert(0, str(DOCS / "_ext"))

from states_text import acts_rst, all_events, events_rst, reasons_rst  # noqa: E402

PAGE = (DOCS / "explanation" / "life-of-a-server.md").read_text()


def test_everything_that_is_done_is_in_the_table():
    text = "\n".join(acts_rst())
    for act in Act:
        assert act.value in text


def test_every_event_is_there_once_with_what_it_says():
    assert set(all_events()) == set(Event.__subclasses__())
    text = "\n".join(events_rst())
    for event in all_events():
        assert text.count(f"* - ``{event.__name__}``") == 1
        assert event.__doc__.split("\n")[0] in text


def test_every_reason_is_there():
    assert reasons_rst()[0].count("``") == 2 * len(Reason)


def test_the_page_is_made_from_it():
    for made in ("acts", "events", "reasons"):
        assert f".. ec2spawner-{made}::" in PAGE
