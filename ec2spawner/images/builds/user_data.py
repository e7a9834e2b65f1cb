"""What a builder is given: the program that makes the image, and what to make."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ...claim.agent.config import BUILD_MARK
from ...claim.agent.unpack import as_comments
from ...claim.user_data import LIMIT, SHEBANG, compact
from ..errors import ImageError
from .machine.main import JOBS, PLAN
from .request import DEADLINE

#: what a machine may be told to do: see ``machine/main.py``
BUILD, TEST, SAVE = "build", "test", "save"


@cache
def program(job: str = BUILD) -> dict[str, str]:
    """The files that travel: name -> source.

    :param job: what is to be done
    """
    unused = {where.partition(".")[0] for each in JOBS.values() for _, where in each}
    unused -= {where.partition(".")[0] for _, where in JOBS[job]}
    folder = files(__package__).joinpath("machine")
    return {
        file.name: compact(file.read_text())
        for file in sorted(folder.iterdir(), key=lambda f: f.name)
        if file.name.endswith(".py") and file.name[:-3] not in unused
    }


@cache
def _unpack() -> str:
    return compact(
        files("ec2spawner.claim.agent").joinpath("unpack.py").read_text(),
    )


def builder_user_data(plan: Mapping[str, Any]) -> bytes:
    """The user-data of a builder, gzip-compressed, as cloud-init reads it.

    :param plan: what the files of ``machine/`` read
    :raises ImageError: when it would be larger than EC2 takes
    """
    given = {"do": BUILD, "deadline": DEADLINE, **plan}
    sources = {**program(given["do"]), PLAN: json.dumps(given, sort_keys=True)}
    script = f"{SHEBANG}\n{_unpack()}\n\n{BUILD_MARK}\n{as_comments(sources)}"
    packed = gzip.compress(script.encode(), mtime=0)
    if len(packed) > LIMIT and plan.get("bake", {}).get("packed"):
        raise ImageError(
            f"the folder's files make {len(packed)} bytes of user-data, and EC2 takes "
            f"{LIMIT}. Push them to a repository that machines reach by https, and "
            "give its address in place of the folder"
        )
    if len(packed) > LIMIT:
        raise ImageError(
            f"the lock has {len(plan.get('lock', '').split())} packages: that makes "
            f"{len(packed)} bytes of user-data, and EC2 takes {LIMIT}. Ask for fewer "
            "packages"
        )
    return packed
