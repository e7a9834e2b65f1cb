"""The board asks for metrics that there are, and the page of metrics has them all."""

import json
import re

import pytest
from prometheus_client import REGISTRY

import ec2spawner  # noqa: F401  (its metrics)
from ec2spawner.fleet.runtime import runtime
from ec2spawner.hub.metrics import show_hub

from .configs import DOCS

BOARD = json.loads((DOCS / "_static" / "grafana-ec2spawner.json").read_text())
PAGE = (DOCS / "howto" / "metrics.md").read_text()
NAME = re.compile(r"\bjupyterhub_\w+")
#: of a histogram or a counter, in an expression
SUFFIXES = ("_bucket", "_count", "_sum", "_total", "")


def known():
    """Every metric of the process, with its labels where it has values."""
    show_hub(runtime())
    return {family.name: family for family in REGISTRY.collect()}


def family_of(name):
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            if found := known().get(name[: len(name) - len(suffix)]):
                return found
    return None


EXPRESSIONS = [t["expr"] for panel in BOARD["panels"] for t in panel["targets"]]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_panel_asks_for_metrics_that_there_are(expression):
    names = NAME.findall(expression)
    assert names
    for name in names:
        assert family_of(name) is not None, name


def ours():
    return [name for name in known() if name.startswith("jupyterhub_ec2_")]


def test_the_board_and_the_page_have_every_metric_of_ours():
    assert len(ours()) > 6
    shown = {
        family_of(name).name for text in EXPRESSIONS for name in NAME.findall(text)
    }
    on_the_page = {f.name for name in NAME.findall(PAGE) if (f := family_of(name))}
    assert set(ours()) <= shown
    assert set(ours()) <= on_the_page


def test_the_page_names_no_metric_that_there_is_not():
    unknown = {name for name in NAME.findall(PAGE) if family_of(name) is None}
    assert unknown == {"jupyterhub_config"}
