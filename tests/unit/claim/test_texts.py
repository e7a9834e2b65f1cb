"""What a machine writes is fit to be shown, logged and saved."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ec2spawner.claim.texts import (
    LOG_LIMIT,
    LOG_LINES,
    MESSAGE_LIMIT,
    is_plain,
    last_lines,
    one_line,
)

# Lone surrogates, too.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=3 * LOG_LIMIT)


def unfit(text):
    return {unicodedata.category(char) for char in text} & {"Cc", "Cs"}


@given(ANY_TEXT)
def test_whatever_it_is_a_message_is_one_short_line(text):
    line = one_line(text)
    assert len(line) <= MESSAGE_LIMIT and not unfit(line)
    line.encode()


@given(ANY_TEXT)
def test_whatever_it_is_a_log_is_a_few_lines(text):
    log = last_lines(text)
    assert len(log) <= LOG_LIMIT and len(log.split("\n")) <= LOG_LINES
    assert not unfit(log.replace("\n", ""))
    log.encode()


def test_a_text_that_is_fit_stays_as_it_is():
    assert one_line("Größe 3 GiB, 25 % 🚀") == "Größe 3 GiB, 25 % 🚀"
    assert last_lines("one\n  two\nthree") == "one\n  two\nthree"


def test_nobody_can_move_the_cursor_of_who_reads_the_log():
    assert one_line("a\x1b[2Jb\r\nc\u202ed\ud800e") == "a [2Jb c d e"


def test_of_a_long_log_the_end_is_kept():
    assert last_lines("\n".join(map(str, range(100)))).split("\n")[-1] == "99"


def test_ids_and_secrets_of_ours_are_short_and_plain():
    assert is_plain("l-0123456789abcdef") and is_plain("")
    assert not any(map(is_plain, ["\ud800", "é", "a\nb", "a" * 201]))
