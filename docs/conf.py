"""Sphinx configuration. Builds without a network: there is no intersphinx."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
# The Hub's import of alembic would fill the build with its own news.
logging.getLogger("alembic").setLevel(logging.WARNING)

from ec2spawner import __version__  # noqa: E402

project = "ec2spawner"
author = "The ec2spawner contributors"
copyright = "The ec2spawner contributors"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "settings_reference",
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "description"
# A reference that leads nowhere is a mistake in a help text.
nitpicky = True
nitpick_ignore = [("py:class", "Any"), ("py:class", "Callable")]

html_theme = "furo"
html_title = f"ec2spawner {release}"
exclude_patterns = ["_build"]

# Addresses of whoever reads them, and places on pages that GitHub's scripts make.
linkcheck_ignore = [r"https?://localhost", r"https://hub\.example\.org"]
linkcheck_anchors_ignore_for_url = [r"https://github\.com/"]
