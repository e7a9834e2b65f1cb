"""The name of a Hub's database: it stays, and a copy has another."""

import shutil

import pytest
from jupyterhub import orm
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ec2spawner.hub.database.name import name_database, read_database_id
from ec2spawner.hub.database.records import read_records


@pytest.fixture
def path(tmp_path):
    """An SQLite file with JupyterHub's tables."""
    engine = create_engine(f"sqlite:///{tmp_path}/hub.sqlite")
    orm.Base.metadata.create_all(engine)
    engine.dispose()
    return tmp_path / "hub.sqlite"


def name(path, work=name_database, options=""):
    engine = create_engine(f"sqlite:///{path}{options}")
    with Session(engine) as session:
        return work(session)


def test_a_database_keeps_its_name_and_a_copy_has_another(path, tmp_path):
    assert name(path, read_database_id) == ""
    first = name(path)
    assert first and name(path) == first == name(path, read_database_id)
    copy = shutil.copy(path, tmp_path / "copy.sqlite")
    assert name(copy) not in ("", first)


def test_whoever_only_reads_finds_the_name_by_another_url(path):
    first = name(path)
    uri = create_engine(f"sqlite:///file:{path}?mode=rw&uri=true")
    with uri.connect() as connection:
        assert read_records(connection).database == first
    assert name(path, lambda s: read_records(s).wanted.database) == first


def test_a_database_that_cannot_be_written_is_usable_after_that(path):
    engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
    with Session(engine) as session:
        with pytest.raises(SQLAlchemyError):
            name_database(session)
        assert session.query(orm.User).all() == []
        assert read_database_id(session) == ""
