"""Under which names moto keeps what AWS calls otherwise, worked out once for each.

For every element of every answer moto goes through the six kinds of names that it may
have (``moto.core.serialize``, 5.2.5): that is half of what an answer takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def names_once(original: Callable[..., Any]) -> Callable[..., Any]:
    """Remember what ``get_possible_keys`` says of a shape, a key and a class."""
    known: dict[tuple[int, str, type], tuple[Any, list[str]]] = {}

    def get_possible_keys(self: Any, context: Any) -> list[str]:
        key = id(context.shape), context.key, type(context.obj)
        if key not in known:
            # The shape is kept, or another could have its id one day.
            known[key] = context.shape, list(original(self, context))
        return known[key][1]

    return get_possible_keys
