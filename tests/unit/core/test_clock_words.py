"""How long something takes, in words."""

import pytest

from ec2spawner.core.clock_words import span


@pytest.mark.parametrize(
    "seconds, words",
    [
        (-1, "0 s"),
        (62, "62 s"),
        (100, "2 min"),
        (7980, "2 h 13 min"),
        (3600, "1 h"),
        (5 * 86400, "5 days"),
    ],
)
def test_how_long_something_takes_is_told_as_people_say_it(seconds, words):
    assert span(seconds) == words
