from datetime import datetime, timezone

import pytest

from ec2spawner.hub.pages.times import time_tag, with_times

NOW = datetime(2027, 1, 1, 0, 30, tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize(
    "text, stamp",
    [
        ("31 December at about 23:59 UTC", "2026-12-31T23:59Z"),
        ("1 January at about 00:10 UTC", "2027-01-01T00:10Z"),
        ("15 January at about 12:00 UTC", "2027-01-15T12:00Z"),
        ("2 January, 00:10 UTC", "2027-01-02T00:10Z"),
        ("2 January 00:10 UTC", "2027-01-02T00:10Z"),
        ("23:50 UTC", "2026-12-31T23:50Z"),
        ("00:32 UTC", "2027-01-01T00:32Z"),
    ],
)
def test_the_nearest_moment_is_meant(text, stamp):
    told = with_times(f"It ended at {text}: so it is.", NOW)
    assert told == (f'It ended at <time datetime="{stamp}">{text}</time>: so it is.')


@pytest.mark.parametrize("text", ["16:32", "25:00 UTC", "29 February 12:00 UTC", ""])
def test_what_is_no_time_stays_a_text(text):
    assert "2027-02-29" not in with_times(text, NOW)
    if "February" not in text:
        assert with_times(text, NOW) == text


def test_the_rest_of_a_sentence_is_never_html():
    told = with_times("<b>00:32 UTC</b>", NOW)
    assert told.startswith("&lt;b&gt;<time ") and told.endswith("</time>&lt;/b&gt;")


def test_a_moment_without_words_is_told_in_utc():
    assert time_tag(NOW) == (
        '<time datetime="2027-01-01T00:30Z">1 January 00:30 UTC</time>'
    )
