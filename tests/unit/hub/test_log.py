"""Failures that are known are told in a line."""

import logging

import pytest

from ec2spawner.core.errors import EC2SpawnError, Reason
from ec2spawner.hub.log import KnownFailures


@pytest.fixture
def log(caplog):
    """A log as the Hub's, and what is written to it."""
    log, known = logging.getLogger("a hub"), KnownFailures()
    log.addFilter(known)
    yield log
    log.removeFilter(known)


def raised(error):
    try:
        raise error
    except Exception as e:
        return e


REFUSAL = EC2SpawnError("Not on offer: 100 %s.", reason=Reason.OPTIONS)
FAILURE = EC2SpawnError("AWS is sold out.", reason=Reason.CAPACITY)


def test_a_refusal_is_told_in_a_line_and_is_no_error(log, caplog):
    log.error("Failed to spawn %s", "ada", exc_info=raised(REFUSAL))
    (record,) = caplog.records
    assert record.getMessage() == "Failed to spawn ada: [options] Not on offer: 100 %s."
    assert (record.levelname, record.exc_info) == ("WARNING", None)


def test_a_refusal_that_the_hub_words_itself_is_no_error_either(log, caplog):
    log.error(f"Not starting ada's server: {REFUSAL}")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_failure_is_told_in_a_line_and_is_an_error(log, caplog):
    log.error("Failed", exc_info=raised(FAILURE))
    (record,) = caplog.records
    assert record.getMessage() == "Failed: [capacity] AWS is sold out."
    assert (record.levelname, record.exc_info) == ("ERROR", None)


def test_what_the_hub_says_again_of_a_start_is_told_once(log, caplog):
    """As JupyterHub 6.1 does when somebody presses Start."""
    for user in ("ada", "bob"):
        log.error(f"Not starting {user}'s server : {FAILURE}")
        log.error(f"Error starting server {user}: {FAILURE}")
        log.error(
            "Failed to spawn single-user server with form", exc_info=raised(FAILURE)
        )
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        f"Not starting {user}'s server : [capacity] AWS is sold out."
        for user in ("ada", "bob")
    ]


def log_request(log):
    """Named as JupyterHub's own."""
    log.error('{\n  "Host": "hub.example.org"\n}')


def test_headers_are_told_of_what_nobody_knows_only(log, caplog):
    log_request(log)
    log.error("Failed", exc_info=raised(FAILURE))
    log_request(log)
    assert [r.getMessage()[0] for r in caplog.records] == ["{", "F"]


def test_later_the_same_is_told_again(caplog):
    now = 0.0
    known = KnownFailures(lambda: now)
    log = logging.getLogger("a later hub")
    log.addFilter(known)
    log.error("Failed", exc_info=raised(FAILURE))
    now = 60.0
    log.error("Failed", exc_info=raised(FAILURE))
    assert len(caplog.records) == 2


def test_of_what_nobody_knows_all_is_told(log, caplog):
    log.error("Failed", exc_info=raised(KeyError("a slip of ours")))
    (record,) = caplog.records
    assert record.levelname == "ERROR" and record.exc_info
