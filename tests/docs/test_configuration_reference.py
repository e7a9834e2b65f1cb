"""Every setting is explained, and the reference has them all."""

import inspect
import re
import sys

import pytest

from ec2spawner import settings
from ec2spawner.settings import LaunchSettings

from .configs import DOCS

sys.path.insert(0, str(DOCS / "_ext"))

from settings_text import (  # noqa: E402
    changed_defaults,
    changed_defaults_rst,
    settings_rst,
)

PAGE = (DOCS / "reference" / "configuration.md").read_text()
SETTINGS = LaunchSettings.class_traits(config=True)


def source_of_the_page():
    """The reStructuredText that the page's directives print."""
    lines = []
    for name in re.findall(r"^\.\. ec2spawner-settings:: (\S+)$", PAGE, re.M):
        module, _, cls = name.rpartition(".")
        assert module == settings.__name__
        lines += settings_rst(getattr(settings, cls))
    return "\n".join(lines)


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_setting_has_help(name):
    help = inspect.cleandoc(SETTINGS[name].help)
    first = re.split(r"(?<=[.:])\s", help)[0]
    assert re.match(r"[A-Z]", first), "begins with a sentence"
    assert first.endswith((".", ":")) and len(first.split()) > 3, first
    assert re.search(r"^\.\. versionadded:: \d+\.\d+$", help, re.M)


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_setting_is_in_the_reference(name):
    source = source_of_the_page()
    entries = source.count(f".. py:attribute:: EC2Spawner.{name}\n")
    assert entries == 1
    for line in inspect.cleandoc(SETTINGS[name].help).splitlines():
        assert line in source


@pytest.mark.parametrize(
    "name, default",
    [("instance_type", "'t3.medium'"), ("claim_timeout", "480.0"), ("subnets", "[]")],
)
def test_a_default_is_shown(name, default):
    entry = source_of_the_page().split(f"EC2Spawner.{name}\n")[1].split(".. py:")[0]
    assert f":value: {default}" in entry


@pytest.mark.parametrize("name", ["region", "hub_id"])
def test_a_default_that_depends_on_the_hub_is_left_to_the_text(name):
    entry = source_of_the_page().split(f"EC2Spawner.{name}\n")[1].split(".. py:")[0]
    assert ":value:" not in entry
    assert "Default: " in entry


def test_changed_defaults_are_shown():
    assert dict(changed_defaults())["start_timeout"] == 600
    table = "\n".join(changed_defaults_rst())
    assert ":attr:`start_timeout`" in table and "``600``" in table
    assert "ec2spawner-changed-defaults::" in PAGE
