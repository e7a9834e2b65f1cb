"""What a machine is given at launch: how and where to claim. Nothing secret."""

from __future__ import annotations

import ast
import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..core.errors import EC2SpawnError, Reason
from .agent.config import CONFIG_MARK
from .agent.unpack import as_comments

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

# EC2 user guide, "Run commands when you launch an EC2 instance with user data":
# 16 KB, in raw form, before it is base64-encoded. cloud-init reads gzip.
LIMIT = 16_384
# cloud-init runs user-data that begins like a script, by what the line says.
SHEBANG = "#!/usr/bin/env python3"


def compact(source: str) -> str:
    """The same program without comments and docstrings: user-data has to be small."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(
            node, (ast.Module, ast.ClassDef, ast.FunctionDef)
        ) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


@cache
def agent_files() -> dict[str, str]:
    """The agent's files, as they travel: name below its folder -> source.

    Those without a folder go into the user-data. All go with the orders: the machine
    may have been launched by another version of this hub.
    """
    return dict(_sources("", files(__package__).joinpath("agent")))


def _sources(prefix: str, folder: Traversable) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.iterdir(), key=lambda f: (f.is_dir(), f.name)):
        if file.is_dir():
            yield from _sources(f"{prefix}{file.name}/", file)
        elif file.name.endswith(".py"):
            yield prefix + file.name, compact(file.read_text())


@cache
def _claiming_script() -> str:
    """What unpacks the part of the agent that claims, and that part behind it."""
    every = agent_files().items()
    sources = {name: source for name, source in every if "/" not in name}
    return f"{SHEBANG}\n{sources.pop('unpack.py')}\n\n{as_comments(sources)}"


def user_data(
    launch_id: str,
    nonce: str,
    hub_api_url: str,
    claim_timeout: float,
    hub_ca: str = "",
    preload: Mapping[str, Any] | None = None,
) -> bytes:
    """The user-data of one launch, gzip-compressed.

    The nonce opens nothing but one claim, from the machine's own address, once.

    :param hub_ca: PEM of what has signed the Hub's certificate: the machine believes
        nobody else. Empty where the Hub has none
    :param preload: what the machine may import ahead (``agent/preload.py``); None for
        nothing
    :raises EC2SpawnError: when it would be larger than EC2 takes
    """
    config = {
        "launch_id": launch_id,
        "nonce": nonce,
        "hub_api_url": hub_api_url,
        "claim_timeout": claim_timeout,
        **({"hub_ca": hub_ca} if hub_ca else {}),
        **({"preload": dict(preload)} if preload else {}),
    }
    # Base64 in a comment: whatever a value holds, it cannot become code.
    line = base64.b64encode(json.dumps(config).encode()).decode()
    script = f"{_claiming_script()}{CONFIG_MARK}{line}\n"
    packed = gzip.compress(script.encode(), mtime=0)
    if len(packed) > LIMIT:
        raise EC2SpawnError(
            "This hub's settings do not fit on a machine. Please tell your hub's "
            "admin.",
            reason=Reason.CONFIG,
            log_message=f"user-data would have {len(packed)} bytes, EC2 takes {LIMIT}",
        )
    return packed
