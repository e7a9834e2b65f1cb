"""The commands as reStructuredText: what they are for, examples, options.

Pure: it knows nothing of Sphinx, so that a test can read what the page will say.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ec2spawner.cli import Command, CommandGroup, EC2SpawnerApp


def commands(group: type[CommandGroup] = EC2SpawnerApp) -> Iterator[type[Command]]:
    """Every command that does something, as the command line lists them."""
    for name in sorted(group.subcommands):
        where = group.subcommands[name][0]
        if isinstance(where, str):
            module, _, member = where.rpartition(".")
            where = getattr(import_module(module), member)
        if issubclass(where, CommandGroup):
            yield from commands(where)
        else:
            yield where


def commands_rst() -> list[str]:
    """A rubric for each command."""
    lines: list[str] = []
    for command in commands():
        lines += [f".. rubric:: {command.name}", ""]
        lines += [*textwrap.dedent(_description(command)).splitlines(), ""]
        if command.examples:
            examples = command.examples.strip().splitlines()
            lines += [".. code-block:: bash", "", *(f"   {e}" for e in examples), ""]
        for option, help in options(command):
            lines += [f"``{option}``", f"   {help}", ""]
    return lines


def options(command: type[Command]) -> Iterator[tuple[str, str]]:
    """Each option as it is written, and what it does."""
    for names, trait in command.aliases.items():
        help = _trait(command, trait).help
        value = trait.rpartition(".")[2].rstrip("s").upper()
        yield f"{_written(names)} {value}", " ".join(help.split())
    for names, (_, help) in command.flags.items():
        yield _written(names), " ".join(help.split())


def _description(command: type[Command]) -> str:
    first, _, rest = command.description.partition("\n")
    return f"{first}\n{textwrap.dedent(rest)}"


def _trait(command: type[Command], dotted: Any) -> Any:
    section, _, name = dotted.rpartition(".")
    [owner] = [c for c in command.mro() if c.__name__ == section]
    return owner.class_traits()[name]


def _written(names: Any) -> str:
    each = names if isinstance(names, tuple) else (names,)
    return ", ".join(f"-{n}" if len(n) == 1 else f"--{n}" for n in each)
