"""The process that plans an image: what a stranger's repository asks for.

It reads what everybody may read, and runs nothing that the repository asks for, unless
an admin wants that. See ``errand``.
"""

from __future__ import annotations

import json
import re
import resource
import sys

from ..errors import ImageError, Unreadable
from ..index import Indexes, configured_indexes
from ..plan import Wishes, make_plan
from ..pyproject import addresses_in
from ..recipe import Recipe, read_recipe
from ..solved import remembered_here
from ..source import Source, read_source
from .errand import ERRANDS, PLANNED, Errand
from .planned import Planned, as_planned

#: no file that git or uv writes may be larger
_LARGEST_FILE = 2**30
_CHANNEL = re.compile(r"[\w.-]+(/[\w.-]+)*")


def plan_for_stranger(errand: Errand) -> Planned:
    """
    :raises ImageError: when no image can be made of it, and why
    """
    indexes = configured_indexes()
    with read_source(errand.url, errand.ref, stranger=True) as source:
        _refuse_addresses(source, indexes)
        wishes = Wishes(builds=errand.source_packages)
        remembered = remembered_here()
        plan = make_plan(
            source, errand.hub_id, errand.base, indexes, wishes, remembered
        )
        return as_planned(plan)


def _refuse_addresses(source: Source, indexes: Indexes) -> None:
    """This computer may reach what its users may not: the repository's word for where
    something is counts for nothing.

    :raises ImageError: for an address in its files
    """
    for address in _addresses(read_recipe(source.files), indexes):
        raise ImageError(
            f"it asks for {address!r}: a hub takes packages from the index that it is "
            "configured for, and from channels by their name"
        )


def _addresses(recipe: Recipe, indexes: Indexes) -> list[str]:
    pip, conda = recipe.pip, recipe.conda
    found = [each for each in (*pip.lines, *pip.constraints) if _is_address(each)]
    found += [each for each in pip.indexes if each not in indexes.all]
    if recipe.pixi:
        found.append("pixi.lock")  # all in it is an address
    if recipe.uv is not None:
        found += addresses_in(recipe.uv[1])
    if conda is not None:
        found += [each for each in conda.channels if not _CHANNEL.fullmatch(each)]
        found += [each for each in conda.specs if "/" in each or "[" in each]
    return found


def _is_address(line: str) -> bool:
    requirement, _, _ = line.partition(";")
    return "@" in requirement or "/" in requirement


def main() -> None:
    """The process: an errand comes in, and a plan or why there is none goes out."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
    errand = ERRANDS.validate_json(sys.stdin.buffer.read())
    try:
        planned = plan_for_stranger(errand)
        answer = {"planned": PLANNED.dump_python(planned)}
    except ImageError as e:
        kind = "unreadable" if isinstance(e, Unreadable) else "refused"
        answer = {kind: str(e) or "?"}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
