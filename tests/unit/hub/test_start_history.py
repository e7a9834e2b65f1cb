import logging

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from ec2spawner.hub.start_history import keep_history, read_starts
from ec2spawner.launch.history import MOST_STARTS, StartHistory, StartKind

KIND = StartKind("us-west-2", "ami-1", "t3.small")
OTHER = StartKind("us-west-2", "", "t3.small", "stop")
LOG = logging.getLogger("test")
STAGES = {"machine": 1.0, "boot": 20.0, "home": 2.0, "jupyter": 7.0}


@pytest.fixture
def db():
    with Session(create_engine("sqlite://")) as session:
        yield session


def history_of(db):
    history = StartHistory()
    keep_history(history, db, LOG)
    return history


def test_the_next_hub_knows_how_long_starts_took(db):
    history_of(db).add(KIND, STAGES)
    assert history_of(db).expected(KIND).usual == 30
    assert history_of(db).expected(OTHER) is None


def test_the_table_stays_small(db):
    history = history_of(db)
    history.add(OTHER, STAGES)
    for _ in range(MOST_STARTS + 5):
        history.add(KIND, STAGES)
    kinds = [kind for kind, _ in read_starts(db)]
    assert kinds == [OTHER, *[KIND] * MOST_STARTS]


def test_a_database_that_takes_no_changes_costs_no_start(db):
    history = history_of(db)
    db.execute(text("PRAGMA query_only = 1"))
    history.add(KIND, STAGES)
    assert history.expected(KIND).usual == 30
    db.execute(text("PRAGMA query_only = 0"))
    assert read_starts(db) == []
