"""The page of EC2's errors is the table that the code uses."""

import sys

from ec2spawner.ec2.errors.table import TABLE

from .configs import DOCS

sys.path.insert(0, str(DOCS / "_ext"))

from errors_text import errors_rst  # noqa: E402

LINES = errors_rst()


def test_every_code_and_what_becomes_of_it_is_on_the_page():
    text = "\n".join(LINES)
    for row in TABLE:
        assert row.meaning.kind.value in text and row.meaning.user in text
        for code in row.codes:
            assert f"``{code}``" in text


def test_the_page_is_made_from_it():
    assert ".. ec2spawner-errors::" in (DOCS / "reference" / "errors.md").read_text()
