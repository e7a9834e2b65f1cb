"""Which modules a repository's code imports. Pure."""

from __future__ import annotations

import ast
import json
import posixpath
import sys
from collections.abc import Iterator, Mapping


def imported_modules(files: Mapping[str, str]) -> dict[str, str]:
    """Module -> the first file that imports it: no modules of Python's or of its own.

    A file that cannot be read, such as one of Python 2, says nothing.

    :param files: path -> text, of every ``.py`` and ``.ipynb``
    """
    own = {posixpath.basename(path).partition(".")[0] for path in files}
    own |= {part for path in files for part in path.split("/")[:-1]}
    found: dict[str, str] = {}
    for path, text in sorted(files.items()):
        sources = _cells(text) if path.endswith(".ipynb") else [text]
        for source in sources:
            for name in _imports(source):
                if name not in own and name not in sys.stdlib_module_names:
                    found.setdefault(name, path)
    return found


def _cells(text: str) -> Iterator[str]:
    """The code of a notebook, without what is only IPython's."""
    try:
        cells = json.loads(text).get("cells", [])
    except (ValueError, AttributeError):
        return
    for cell in cells:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            lines = cell.get("source", "")
            code = "".join(lines) if isinstance(lines, list) else str(lines)
            if not code.lstrip().startswith("%%"):
                # A line of IPython's may be all of a block.
                yield "\n".join(map(_plain, code.split("\n")))


def _plain(line: str) -> str:
    bare = line.lstrip()
    if bare.startswith(("%", "!", "?")) or bare.endswith("?"):
        return line[: len(line) - len(bare)] + "pass"
    return line


def _imports(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
