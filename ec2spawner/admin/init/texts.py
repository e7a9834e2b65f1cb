"""The texts that are made of templates."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

# A line of a configuration, as black has it.
_LINE = 88


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("ec2spawner.admin.init"),
        # Python, shell and YAML. What goes in was checked: answers, settings.
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def rendered(template: str, **values: Any) -> str:
    """A template of ``templates/`` with these values."""
    return _templates().get_template(f"{template}.j2").render(values)


def literal(value: dict[str, str] | list[str] | tuple[str, ...], before: int) -> str:
    """A dict, a list, or a tuple as a set, as black writes it.

    :param before: how many characters of its line come before it
    """
    opening, closing = "[]" if isinstance(value, list) else "{}"
    entries = (
        [f"{_quoted(key)}: {_quoted(each)}" for key, each in value.items()]
        if isinstance(value, dict)
        else [_quoted(each) for each in value]
    )
    short = f"{opening}{', '.join(entries)}{closing}"
    if before + len(short) <= _LINE:
        return short
    return "\n".join([opening, *(f"    {each}," for each in entries), closing])


def _quoted(text: str) -> str:
    return f'"{text}"'
