"""A builder's words on a machine's console."""

from ec2spawner.images.builds.console import Said, read_console

KEY = "0123456789abcdef"
TEXT = """\
[    4.1] cloud-init[77]: ec2spawner-build ffffffffffff done 9
[    5.0] python3[99]: ec2spawner-build 0123456789ab begin 0\r
[    5.9] python3[99]: ec2spawner-build 0123456789ab install 12\r
debian login: [ 6] python3[99]: ec2spawner-build 0123456789ab missing 40 spotpy a.py\r
ec2spawner-build 0123456789ab told 41 8 of 8 packages import
"""


def test_its_words_are_found_among_others():
    progress = read_console(TEXT, KEY)
    assert progress.said == (
        Said("begin", 0),
        Said("install", 12),
        Said("missing", 40, "spotpy a.py"),
        Said("told", 41, "8 of 8 packages import"),
    )
    assert progress.step == "install"
    assert progress.missing == ("spotpy a.py",)
    assert not progress.done and not progress.failed


def test_what_it_repeats_counts_once():
    done = "".join(f"ec2spawner-build 0123456789ab done {n}\n" for n in (50, 60))
    progress = read_console(TEXT + done, KEY)
    assert progress.done
    assert [s.word for s in progress.said].count("done") == 1


def test_a_failure_has_its_reason():
    text = "ec2spawner-build 0123456789ab failed 50 install: numpy ended with 1\r\n"
    assert read_console(text, KEY).failed == "install: numpy ended with 1"
    assert read_console("ec2spawner-build 0123456789ab failed 50\n", KEY).failed


def test_a_console_that_is_cut_or_empty_says_nothing():
    assert read_console("", KEY).step == ""
    assert read_console(TEXT[120:150], KEY).said == ()
