"""The pages as HTML, with JupyterHub's own templates around them."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub._data import DATA_FILES_PATH

import ec2spawner

OURS = Path(ec2spawner.__file__).parent / "hub" / "pages" / "templates"


HUBS = Path(DATA_FILES_PATH) / "templates"


@pytest.fixture
def render():
    environment = Environment(
        loader=ChoiceLoader(
            [
                PrefixLoader({"templates": FileSystemLoader(HUBS)}, "/"),
                FileSystemLoader([OURS, HUBS]),
            ]
        ),
        autoescape=True,
    )

    def page(name, **names):
        hub = {
            "base_url": "/jhub/hub/",
            "prefix": "/jhub/",
            "static_url": lambda path, include_version=True: path,
        }
        text = environment.get_template(name).render(**hub, **names)
        Balance().feed(text)
        return text

    return page


class Balance(HTMLParser):
    """Each element that is opened is closed, in order."""

    VOID = {"meta", "link", "img", "br", "input", "hr"}

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open and self.open[-1] == tag, (tag, self.open, self.getpos())
            self.open.pop()
