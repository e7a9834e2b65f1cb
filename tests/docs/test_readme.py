"""The first page that people see."""

import re

import pytest

from .configs import ROOT

PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]


def test_the_two_commands_are_there():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert 'pip install -e ".[demo]" && ec2spawner demo' in lines
    assert 'pip install -e ".[test]" && pytest' in lines


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    """Sphinx checks the links in docs/. Pictures are made by other tests."""
    links = re.findall(r"(?<!!)\[[^]]*\]\(([^)]+)\)", (ROOT / page).read_text())
    assert links
    for link in links:
        if not link.startswith("https://"):
            assert (ROOT / link.split("#")[0]).is_file(), link
