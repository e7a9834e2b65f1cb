"""Has an image planned by a process of its own, for a Hub and who names a repository.

It has none of the Hub's secrets in its environment. This side needs no extra [image].
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec

from pydantic import TypeAdapter

from ...ec2.facts import Image
from ..errors import ImageError, Unreadable
from .planned import Planned

# What git, uv, pip and Python are configured by. Passwords for the package index are
# among it; those of the Hub and of AWS are not.
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "PYTHONPATH", "REQUESTS_CA_BUNDLE")
_KEPT_BEGINNINGS = ("UV_", "PIP_", "GIT_CONFIG", "GIT_SSL", "SSL_CERT", "XDG_", "LC_")
_PROXY = re.compile(r"(https?|all|no)_proxy", re.IGNORECASE)
_MODULES = {"uv": "uv", "rattler": "py-rattler", "yaml": "pyyaml"}
_ARGUMENTS = ("-m", f"{__package__}.apart")


@dataclass(frozen=True)
class Errand:
    """A repository that somebody wants an image of."""

    url: str
    ref: str
    hub_id: str
    #: the image that it begins with
    base: Image
    #: see the setting ``build_source_packages``
    source_packages: bool = False


ERRANDS = TypeAdapter(Errand)
PLANNED = TypeAdapter(Planned)


class NotPlanned(Exception):
    """The process has failed in a way that is no repository's fault. For the log."""


def lacking() -> list[str]:
    """What is not installed here and has to be, for any of this."""
    found = [name for module, name in _MODULES.items() if find_spec(module) is None]
    return found + ([] if shutil.which("git") else ["git"])


async def plan_apart(errand: Errand, seconds: float) -> Planned:
    """The plan of what a repository asks for.

    :raises ImageError: when no image can be made of it, and why
    :raises NotPlanned: when nobody can say whether one can
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *_ARGUMENTS,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
        cwd="/",
        # With all that it starts, it is ended as one.
        start_new_session=True,
    )
    try:
        out, err = await asyncio.wait_for(
            process.communicate(ERRANDS.dump_json(errand)), seconds
        )
    except asyncio.TimeoutError as e:
        raise Unreadable(
            f"to read the repository and find versions took more than {seconds:.0f} s"
        ) from e
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    try:
        answer = json.loads(out)
    except ValueError:
        said = err.decode(errors="replace").strip()[-2000:]
        raise NotPlanned(f"exit code {process.returncode}: {said}") from None
    if why := answer.get("unreadable"):
        raise Unreadable(why)
    if why := answer.get("refused"):
        raise ImageError(why)
    return PLANNED.validate_python(answer["planned"])


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_BEGINNINGS) or _PROXY.fullmatch(name)
    }
