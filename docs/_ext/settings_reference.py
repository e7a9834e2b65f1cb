"""Directives that print what the code knows: settings, commands, errors, states."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from commands_text import commands_rst
from docutils import nodes
from docutils.statemachine import StringList
from errors_text import errors_rst
from settings_text import changed_defaults_rst, settings_rst
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from states_text import acts_rst, events_rst, reasons_rst

SPAWNER_DOCS = "https://jupyterhub.readthedocs.io/en/stable/reference/api/spawner.html"


class Generated(SphinxDirective):
    """Parses lines of reStructuredText that a function has made."""

    def lines(self) -> list[str]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        container = nodes.container()
        source = StringList(self.lines(), source=f"<{self.name}>")
        self.state.nested_parse(source, self.content_offset, container)
        return container.children


class Settings(Generated):
    """``.. ec2spawner-settings:: package.module.Class``"""

    required_arguments = 1

    def lines(self) -> list[str]:
        module, _, name = self.arguments[0].rpartition(".")
        return settings_rst(getattr(import_module(module), name))


class Commands(Generated):
    """``.. ec2spawner-commands::``"""

    def lines(self) -> list[str]:
        return commands_rst()


class Errors(Generated):
    """``.. ec2spawner-errors::``"""

    def lines(self) -> list[str]:
        return errors_rst()


class Acts(Generated):
    """``.. ec2spawner-acts::``"""

    def lines(self) -> list[str]:
        return acts_rst()


class Events(Generated):
    """``.. ec2spawner-events::``"""

    def lines(self) -> list[str]:
        return events_rst()


class Reasons(Generated):
    """``.. ec2spawner-reasons::``"""

    def lines(self) -> list[str]:
        return reasons_rst()


class ChangedDefaults(Generated):
    """``.. ec2spawner-changed-defaults::``"""

    def lines(self) -> list[str]:
        return changed_defaults_rst()


def link_to_jupyterhub(
    app: Sphinx, env: Any, node: nodes.Element, content: nodes.TextElement
) -> nodes.reference | None:
    """A setting that every Spawner has is explained in JupyterHub's docs.

    Made by hand: intersphinx would need the network to build.
    """
    from jupyterhub.spawner import Spawner

    name = node.get("reftarget", "")
    if node.get("reftype") != "attr" or name not in Spawner.class_trait_names():
        return None
    uri = f"{SPAWNER_DOCS}#jupyterhub.spawner.Spawner.{name}"
    link = nodes.reference("", "", internal=False, refuri=uri)
    link += content
    return link


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("ec2spawner-settings", Settings)
    app.add_directive("ec2spawner-commands", Commands)
    app.add_directive("ec2spawner-errors", Errors)
    app.add_directive("ec2spawner-acts", Acts)
    app.add_directive("ec2spawner-events", Events)
    app.add_directive("ec2spawner-reasons", Reasons)
    app.add_directive("ec2spawner-changed-defaults", ChangedDefaults)
    app.connect("missing-reference", link_to_jupyterhub)
    return {"parallel_read_safe": True}
