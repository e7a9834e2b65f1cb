"""CONTRIBUTING.md draws the house as it is built."""

import re

import pytest

from tests.house import LAYERS, files

from .configs import ROOT

DRAWING = (ROOT / "CONTRIBUTING.md").read_text()
DRAWING = DRAWING[DRAWING.index("```text\nec2spawner/\n") :].split("```")[1]


def drawn(package):
    """The rooms that the drawing names below a package, from top to bottom."""
    _, _, below = DRAWING.partition(f"\n{package}/")
    below = re.split(r"\n(?=\S)", below)[0]
    names = re.findall(r"^  (\w+)(?:/|\.py) +\S", below, re.MULTILINE)
    return names


@pytest.mark.parametrize("package", sorted(LAYERS))
def test_every_room_is_drawn_once(package):
    """Give a new folder a line that says what has a life there."""
    assert sorted(drawn(package)) == sorted({file.room for file in files(package)})


@pytest.mark.parametrize("package", sorted(LAYERS))
def test_rooms_are_drawn_in_the_order_of_their_layers(package):
    layer = {room: n for n, rooms in enumerate(LAYERS[package]) for room in rooms}
    layers = [layer[room] for room in drawn(package)]
    assert layers == sorted(layers), "move the line to where its layer is in the list"
