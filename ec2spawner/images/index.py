"""Package indexes: which are configured here, and what they have of a package.

The simple repository API: packaging.python.org, "Simple repository API" (PEP 503 and
PEP 691). Mirrors have it, and often nothing else.
"""

from __future__ import annotations

import html.parser
import importlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.utils import canonicalize_name

from .errors import ImageError
from .pyproject import load_toml

_ACCEPT = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.1"
)
_SECONDS = 60
_AT_ONCE = 8
_UV_FILES = ("~/.config/uv/uv.toml", "/etc/uv/uv.toml")


@dataclass(frozen=True)
class File:
    """A file that an index has of a package."""

    name: str
    url: str
    #: empty when the index does not say
    sha256: str = ""
    #: which Pythons it is for, as ``requires-python`` says it
    python: str = ""
    #: ISO; empty when the index does not say, as old mirrors do not
    uploaded: str = ""
    yanked: bool = False


@dataclass(frozen=True)
class Indexes:
    """Where packages come from. ``first`` is asked first, the others if it has none."""

    first: str
    others: tuple[str, ...] = ()

    def with_more(self, urls: Sequence[str]) -> Indexes:
        more = (*self.others, *urls)
        return Indexes(self.first, tuple(dict.fromkeys(u for u in more if u)))

    @property
    def all(self) -> tuple[str, ...]:
        return (self.first, *(u for u in self.others if u != self.first))

    @property
    def for_machines(self) -> Indexes:
        """Without those that are files of this computer.

        :raises ImageError: for one with a password, which no user-data may hold
        """
        there = [url for url in self.all if urlsplit(url).scheme in ("http", "https")]
        for url in there:
            if "@" in urlsplit(url).netloc:
                host = urlsplit(url).hostname
                raise ImageError(
                    f"the package index at {host} needs a password, which a machine's "
                    "user-data must not hold: give one without, by --index"
                )
        if not there:
            raise ImageError(
                "no package index can be reached by machines, only files of this "
                "computer: give one by --index"
            )
        return Indexes(there[0], tuple(there[1:]))


def configured_indexes() -> Indexes:
    """Those that uv is configured for here, else pip's.

    uv reads nothing of pip's configuration, but who has set up pip for their network
    means it for both.
    """
    uv = _of_uv()
    if uv is not None:
        return uv
    said = _of_pip()
    first = said.get("index-url", "") or _default_of_pip()
    return Indexes(first).with_more(said.get("extra-index-url", "").split())


def _of_uv() -> Indexes | None:
    # https://docs.astral.sh/uv/reference/environment/
    first = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL", "")
    others = [*os.environ.get("UV_INDEX", "").split()]
    others += os.environ.get("UV_EXTRA_INDEX_URL", "").split()
    files = [os.environ.get("UV_CONFIG_FILE", ""), *_UV_FILES]
    for path in (Path(name).expanduser() for name in files if name):
        if first or not path.is_file():
            continue
        found = load_toml(str(path), path.read_text())
        first = found.get("index-url", "")
        others += found.get("extra-index-url", [])
        for each in found.get("index", []):
            if each.get("default"):
                first = each["url"]
            else:
                others.append(each["url"])
    return (
        Indexes(first).with_more([o.partition("=")[2] or o for o in others])
        if (first)
        else None
    )


def _of_pip() -> dict[str, str]:
    """What pip is configured for: the more specific says it later."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    found: dict[str, str] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in ("global", "install", ":env:"):
            found[option] = value.strip("'\"").replace("\\n", " ")
    return found


def _default_of_pip() -> str:
    try:
        module = importlib.import_module("pip._internal.models.index")
        return str(module.PyPI.simple_url)
    except (ImportError, AttributeError) as e:
        raise ImageError(
            "neither uv nor pip is configured for a package index: give one by --index"
        ) from e


# What an index has.


def files_of(
    packages: Sequence[str], indexes: Indexes
) -> Mapping[str, tuple[File, ...]]:
    """Package -> its files, of all indexes.

    :raises ImageError: when an index does not answer, or none has the package
    """

    def ask(name: str) -> tuple[File, ...]:
        found = [file for url in indexes.all for file in _page(url, name)]
        if not found:
            raise ImageError(
                f"no package index has a package {name!r}: look at its spelling, or "
                "give the index that has it by --index"
            )
        return tuple(found)

    names = [str(canonicalize_name(name)) for name in packages]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(names, pool.map(ask, names)))


def _page(index: str, name: str) -> list[File]:
    url = f"{index.rstrip('/')}/{name}/"
    if urlsplit(url).scheme == "file":
        page = Path(unquote(urlsplit(url).path)) / "index.html"
        return read_html(page.read_text(), url) if page.is_file() else []
    request = urllib.request.Request(url, headers={"Accept": _ACCEPT})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            text = answer.read().decode(errors="replace")
            at, kind = answer.url, answer.headers.get_content_type()
    except urllib.error.HTTPError as e:
        if e.code in (403, 404, 410):
            return []
        raise _unreachable(index, str(e)) from e
    except (OSError, ValueError) as e:
        raise _unreachable(index, str(e)) from e
    return read_json(text, at) if kind.endswith("+json") else read_html(text, at)


def _unreachable(index: str, why: str) -> ImageError:
    host = urlsplit(index).hostname
    return ImageError(
        f"the package index at {host} does not answer ({why}): look at the network of "
        "this computer, and try again"
    )


def read_json(text: str, url: str) -> list[File]:
    """A page of PEP 691."""
    return [
        File(
            each["filename"],
            urljoin(url, each["url"]),
            each.get("hashes", {}).get("sha256", ""),
            each.get("requires-python") or "",
            each.get("upload-time") or "",
            bool(each.get("yanked")),
        )
        for each in json.loads(text)["files"]
    ]


def read_html(text: str, url: str) -> list[File]:
    """A page of PEP 503, which does not say when a file came."""
    parser = _Links()
    parser.feed(text)
    found = []
    for link in parser.links:
        address, fragment = urldefrag(urljoin(url, link.get("href") or ""))
        sha256 = fragment.removeprefix("sha256=") if "sha256=" in fragment else ""
        name = unquote(address.rpartition("/")[2])
        python = link.get("data-requires-python") or ""
        found.append(File(name, address, sha256, python, yanked="data-yanked" in link))
    return found


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs))
