"""EC2Spawner's settings as reStructuredText, from the traits themselves.

Pure: it knows nothing of Sphinx, so that a test can read what the page will say.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from traitlets import (
    Bool,
    Callable,
    Dict,
    Enum,
    Float,
    HasTraits,
    Int,
    List,
    TraitType,
    Unicode,
    Union,
)

SPAWNER = "EC2Spawner"

_PLAIN = [
    (Bool, "bool"),
    (Int, "int"),
    (Float, "float"),
    (Unicode, "str"),
    (Callable, "Callable"),
]


def type_text(trait: Any) -> str:
    """A trait's type as Python writes it: ``list[str]``."""
    if isinstance(trait, Union):
        return " | ".join(type_text(t) for t in trait.trait_types)
    if isinstance(trait, List):
        return f"list[{type_text(trait._trait)}]" if trait._trait else "list"
    if isinstance(trait, Dict):
        value = trait._value_trait
        return f"dict[str, {type_text(value)}]" if type(value) is Unicode else "dict"
    if isinstance(trait, Enum):
        return " | ".join(map(repr, trait.values or ()))
    for kind, text in _PLAIN:
        if isinstance(trait, kind):
            return text
    return type(trait).__name__


def own_settings(owner: type[HasTraits]) -> Iterator[tuple[str, TraitType[Any, Any]]]:
    """The settings that a class itself defines, in the order of its source."""
    for name, trait in vars(owner).items():
        if isinstance(trait, TraitType) and trait.metadata.get("config"):
            yield name, trait


def default_text(owner: type[HasTraits], name: str) -> str:
    """A setting's default; empty when it is worked out when the Hub starts."""
    if f"_{name}_default" in dir(owner) or name in _computed(owner):
        return ""
    # Of a bare instance: that is what an admin gets who sets nothing.
    return repr(getattr(owner(), name))


def _computed(owner: type[HasTraits]) -> set[str]:
    """The settings whose default a function works out."""
    from ec2spawner import EC2Spawner

    return {
        member.trait_name
        for cls in (owner, EC2Spawner)
        for member in vars(cls).values()
        if type(member).__name__ == "DefaultHandler"
    }


def settings_rst(owner: type[HasTraits]) -> list[str]:
    """One entry for each setting that a class defines."""
    lines: list[str] = [".. py:currentmodule:: ec2spawner", ""]
    for name, trait in own_settings(owner):
        lines += [
            f".. py:attribute:: {SPAWNER}.{name}",
            f"   :type: {type_text(trait)}",
        ]
        if default := default_text(owner, name):
            lines.append(f"   :value: {default}")
        lines.append("")
        lines += [
            f"   {line}".rstrip() for line in inspect.cleandoc(trait.help).split("\n")
        ]
        lines.append("")
    return lines


def changed_defaults() -> Iterator[tuple[str, Any]]:
    """The plain settings of every Spawner to which ours gives another default."""
    from jupyterhub.spawner import Spawner

    from ec2spawner import EC2Spawner
    from ec2spawner.settings import LaunchSettings

    ours = set(LaunchSettings.class_trait_names())
    for name in sorted(_computed(EC2Spawner) - ours):
        value = getattr(EC2Spawner(), name)
        # Hooks such as options_form are how it works, not what an admin sets.
        if callable(value) or name.startswith("options"):
            continue
        if value != Spawner.class_traits()[name].default_value or value == []:
            yield name, value


def changed_defaults_rst() -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    lines += ["   * - Setting", "     - Default here"]
    for name, value in changed_defaults():
        lines += [f"   * - :attr:`{name}`", f"     - ``{value!r}``"]
    return [*lines, ""]
