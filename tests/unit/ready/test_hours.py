from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ec2spawner.ready.hours import read_hours


def at(text, zone="Europe/Berlin"):
    """2026-11-23 is a Monday."""
    then = datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(zone))
    return then.timestamp()


@pytest.mark.parametrize(
    "text, inside, outside",
    [
        ("Mon-Fri 8-18 Europe/Berlin", "2026-11-23 08:00", "2026-11-23 18:00"),
        ("Mon-Fri 8-18 Europe/Berlin", "2026-11-27 17:59", "2026-11-28 12:00"),
        ("mon,Wed 9:30-11:15 Europe/Berlin", "2026-11-25 11:14", "2026-11-24 10:00"),
        ("8-18 Europe/Berlin", "2026-11-29 08:00", "2026-11-29 07:59"),
        # Over midnight, and over the week's end.
        ("Sun 22-6 Europe/Berlin", "2026-11-30 05:59", "2026-11-29 05:59"),
        ("Sat-Mon 0-24 Europe/Berlin", "2026-11-30 23:59", "2026-12-01 00:00"),
        # UTC, an hour behind Berlin in winter.
        ("8-18", "2026-11-23 09:00", "2026-11-23 08:59"),
    ],
)
def test_hours_are_those_of_their_days_and_zone(text, inside, outside):
    hours = read_hours(text)
    assert hours.include(at(inside)) and not hours.include(at(outside))


def test_hours_follow_the_clocks_of_summer():
    hours = read_hours("8-9 Europe/Berlin")
    assert hours.include(at("2026-07-01 08:30")) and hours.include(
        at("2026-01-01 08:30")
    )


def test_without_hours_it_is_always():
    assert read_hours("").include(0) and read_hours(" ").include(1e9)


@pytest.mark.parametrize(
    "text, why",
    [
        ("always", "no hours"),
        ("Mon-Fri", "no hours"),
        ("Moo 8-18", "a day that no week has"),
        ("8-25", "a time that no day has"),
        ("8:70-9", "a time that no day has"),
        ("8-8", "end when they begin"),
        ("8-18 Europe/Berlinn", "no time zone"),
        ("8-18 ../../etc/passwd", "no time zone"),
    ],
)
def test_what_are_no_hours_is_refused_in_words(text, why):
    with pytest.raises(ValueError, match=why):
        read_hours(text)
