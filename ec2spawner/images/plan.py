"""All that is known of an image before it costs anything: recipe, Python, lock, key."""

from __future__ import annotations

import base64
import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..core.tags import (
    COMMIT_TAG,
    HUB_TAG,
    IMAGE_TAG,
    KEY_TAG,
    PACKAGES_TAG,
    PYTHON_TAG,
    READY,
    SOURCE_TAG,
    STATUS_TAG,
    tag_value,
)
from ..ec2.facts import Image
from .conda import Package, names_of_conda, rattler_version
from .errors import ImageError
from .imports import imported_modules
from .index import File, Indexes
from .key import Contents
from .lock import Lock
from .pythons import Choice
from .recipe import Recipe, read_recipe
from .requirements import names_of
from .solved import Question, Remembered, server_lock, solve_once
from .source import Source, pack

#: EC2's word for processors -> the wheels'
PROCESSORS = {"x86_64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True)
class Wishes:
    """What whoever builds may say beside the repository."""

    name: str = ""
    subdir: str = ""
    ignored: tuple[str, ...] = ()
    python: str = ""
    #: nothing published later, ISO date; "no" for no such limit
    as_of: str = ""
    strict: bool = False
    #: solve anew what was solved before
    refresh: bool = False
    #: run the build programs of what has no wheel, here, to learn what it needs
    builds: bool = True
    #: put the repository's files into the image
    bake: bool = False


@dataclass(frozen=True)
class Plan:
    """One image to be made, and why it is so."""

    source: Source
    recipe: Recipe
    choice: Choice
    lock: Lock
    contents: Contents
    base: Image
    indexes: Indexes
    uv: File
    as_of: str = ""
    #: what conda installs, before pip
    conda: tuple[Package, ...] = ()
    #: module -> the file that imports it
    imports: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    #: when it was solved, in seconds since the epoch, if that was earlier; 0 for now
    solved_at: float = 0.0
    #: the repository's files, where they are to be in the image and no machine can
    #: fetch them
    packed: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> str:
        return self.contents.name

    @property
    def builds(self) -> tuple[str, ...]:
        """Pins that have no wheel."""
        minor = self.choice.minor
        return tuple(each.name for each in self.choice.offers if each.builds(minor))

    @property
    def display_name(self) -> str:
        """As JupyterLab lists the kernel."""
        return f"{self.name} (Python {self.choice.python})"

    @property
    def description(self) -> str:
        """One line for people who list images on AWS."""
        at = f" @ {self.source.commit[:7]}" if self.source.commit else ""
        when = f" ({self.source.committed[:10]})" if self.source.committed else ""
        python, count = self.choice.python, self.packages
        files = ", with its files" if self.contents.baked else ""
        return f"{self.name}{at}{when}, Python {python}, {count} packages{files}"

    @property
    def packages(self) -> int:
        """How many there are."""
        return len(self.conda) + len(self.lock.lines)

    @property
    def tags(self) -> dict[str, str]:
        """Of the image and its snapshots."""
        tags = {
            "Name": f"ec2spawner-{self.name}",
            HUB_TAG: self.contents.hub_id,
            IMAGE_TAG: self.name,
            KEY_TAG: self.contents.key,
            STATUS_TAG: READY,
            SOURCE_TAG: self.source.url,
            COMMIT_TAG: self.source.commit,
            PYTHON_TAG: self.choice.python,
            PACKAGES_TAG: str(self.packages),
        }
        return {key: tag_value(value) for key, value in tags.items() if value}

    @property
    def for_builder(self) -> dict[str, Any]:
        """What the program on the builder reads. Nothing secret."""
        recipe = self.recipe
        return {
            "key": self.contents.key,
            "name": self.name,
            "display_name": self.display_name,
            "python": self.choice.python,
            "uv": {"url": self.uv.url, "sha256": self.uv.sha256},
            "indexes": list(self.indexes.all),
            "as_of": self.as_of,
            "lock": self.lock.text,
            "conda": [each.for_builder for each in self.conda],
            "rattler": rattler_version() if self.conda else "",
            "hub": version("jupyterhub"),
            "server": "".join(f"{line}\n" for line in self.contents.server),
            "apt": list(recipe.apt),
            "git": bool(recipe.post_build or self.contents.baked)
            or "git+" in self.lock.text,
            "declared": list(names_of(recipe.pip.lines)),
            # Not all of them are Python's.
            "of_conda": list(names_of_conda(recipe.conda)),
            "imports": dict(self.imports),
            "strict": self.strict,
            "post_build": recipe.post_build,
            "source": {"url": self.source.url, "commit": self.source.commit},
            "bake": self._bake if self.contents.baked else {},
            "record": {**self.tags, "description": self.description},
        }

    @property
    def _bake(self) -> dict[str, str]:
        """What a builder needs to put the files into the image."""
        return {
            # As `content` is written.
            "url": self.source.url.rstrip("/").removesuffix(".git"),
            "ref": self.source.ref,
            "packed": base64.b64encode(self.packed).decode(),
        }


def make_plan(
    source: Source,
    hub_id: str,
    base: Image,
    indexes: Indexes,
    wishes: Wishes = Wishes(),
    remembered: Remembered | None = None,
) -> Plan:
    """Solve everything that can be solved without a machine. It takes seconds.

    :param remembered: what was solved before, and where this is written down
    :raises ImageError: when no image can be made of it, and why
    """
    recipe = read_recipe(source.files, wishes.subdir, wishes.ignored)
    if recipe.post_build and not (source.is_public or wishes.bake):
        raise ImageError(
            "postBuild runs on a machine that must fetch the repository, and it is no "
            "address that a machine can reach: give https://…, --bake to send it the "
            "files, or --ignore postBuild"
        )
    packed = pack(source) if wishes.bake and not source.is_public else b""
    commit = hashlib.sha256(packed).hexdigest() if packed else source.commit
    usual, indexes = indexes, indexes.with_more(recipe.pip.indexes)
    processor = PROCESSORS.get(base.architecture, platform.machine())
    solved = solve_once(
        Question(
            recipe, indexes, processor, wishes.python, wishes.as_of, wishes.builds
        ),
        source.committed,
        remembered,
        wishes.refresh,
    )
    contents = Contents(
        hub_id=hub_id,
        name=wishes.name or source.name,
        base=base.id,
        architecture=processor,
        python=solved.choice.python,
        lock=solved.lock.lines,
        conda=tuple(each.url for each in solved.conda),
        # Not of the repository's own indexes: it is ours.
        server=server_lock(_server(), usual, remembered, wishes.refresh),
        apt=recipe.apt,
        post_build=recipe.post_build,
        commit=commit if recipe.post_build else "",
        baked=commit if wishes.bake else "",
    )
    return Plan(
        source,
        recipe,
        solved.choice,
        solved.lock,
        contents,
        base,
        indexes.for_machines,
        solved.uv,
        solved.as_of,
        solved.conda,
        imported_modules(source.code),
        wishes.strict,
        solved.at,
        packed,
    )


def _server() -> tuple[str, ...]:
    """What the server needs: of the versions that are here, as the Hub is."""
    found = [f"jupyterhub=={version('jupyterhub')}"]
    try:
        found.append(f"jupyterlab=={version('jupyterlab')}")
    except PackageNotFoundError:
        found.append("jupyterlab>=4.4,<5")
    # A newer one compiles grammars at each start of a server, for half of its time, and
    # for checks that a server does not make (rfc3987-syntax 1.1).
    found.append("jsonschema<4.25")
    # Brings the files of a repository at the start of a server.
    found.append("nbgitpuller>=1.2,<2")
    return tuple(found)
