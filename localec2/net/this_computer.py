"""Which package registries this computer uses, as pip and apt are configured on it."""

from __future__ import annotations

import ast
import json
import re
import shutil
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

#: what pip takes when it is told nothing:
#: https://pip.pypa.io/en/stable/cli/pip_install/#cmdoption-i
_PIPS_OWN = "https://pypi.org/simple"
#: sections of pip's configuration, the strongest first:
#: https://pip.pypa.io/en/stable/topics/configuration/#precedence-override-order
_SECTIONS = (":env:", "download", "install", "global")
_PORTS = {"http": 80, "https": 443}
#: JSON where the index has it, else the older HTML:
#: https://packaging.python.org/en/latest/specifications/simple-repository-api/
_SIMPLE = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"


def ways(roots: Iterable[Path] = ()) -> dict[str, Any]:
    """Fields of `LocalSettings`: what machines may reach, and how they find it.

    Asks the package index, once, where its files are.

    :param roots: what machines begin with, whose apt may be configured otherwise
    """
    pip = pip_configuration(_said(sys.executable, "-m", "pip", "config", "list"))
    indexes = index_urls(pip)
    places = [place_of(url) for url in (*indexes, *_apt(), *apt_of(roots))]
    places += [place for url in indexes for place in places_of_files(url)]
    bundle = pip.get("cert") or ssl.get_default_verify_paths().cafile or ""
    return {
        "outside": tuple(dict.fromkeys(each for each in places if each)),
        "index_urls": indexes,
        "ca_bundle": bundle,
    }


def pip_configuration(text: str) -> dict[str, str]:
    """Option -> value, from what ``pip config list`` prints."""
    found: dict[str, str] = {}
    lines = [line.partition("=") for line in text.splitlines()]
    for section in reversed(_SECTIONS):
        for name, _, value in lines:
            if name.startswith(f"{section}."):
                found[name.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
    return found


def index_urls(pip: Mapping[str, str]) -> tuple[str, ...]:
    """The index and further ones, as far as a machine can use them.

    Folders of this computer are none of a machine's business. Whoever needs a password
    for an index does not want it on machines.
    """
    wanted = [pip.get("index-url", _PIPS_OWN), *pip.get("extra-index-url", "").split()]
    urls = [(url, urlsplit(url)) for url in wanted]
    usable = [url for url, p in urls if p.scheme in _PORTS and "@" not in p.netloc]
    return tuple(usable)


def place_of(url: str) -> str:
    """``HOST:PORT`` of a URL, empty when it is not one of HTTP."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        return ""
    return f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"


def places_in(page_url: str, text: str) -> list[str]:
    """Where the files are that a page of an index lists: ``HOST:PORT``, each once."""
    try:
        links: Iterable[str] = [each["url"] for each in json.loads(text)["files"]]
    except (ValueError, KeyError, TypeError):
        links = re.findall(r"""href=["']([^"'#]+)""", text)
    return list(dict.fromkeys(place_of(urljoin(page_url, link)) for link in links))


def places_of_files(index: str, fetch: Callable[[str], str] | None = None) -> list[str]:
    """Where an index has its files, by its page of pip, which every index has."""
    page = index.rstrip("/") + "/pip/"
    try:
        return places_in(page, (fetch or _fetch)(page))
    except OSError:
        return []  # what is not there for us is not there for machines


def _fetch(url: str) -> str:
    request = urllib.request.Request(url, headers={"Accept": _SIMPLE})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode("utf-8", "replace"))


def _apt() -> list[str]:
    """Where apt gets its packages from, as apt itself says it."""
    if shutil.which("apt-get") is None:
        return []
    return _said("apt-get", "indextargets", "--format", "$(REPO_URI)").split()


def apt_of(roots: Iterable[Path]) -> list[str]:
    """Where the apt of these file systems gets its packages from (sources.list(5))."""
    found: list[str] = []
    for root in roots:
        folder = root / "etc/apt"
        for path in (folder / "sources.list", *folder.glob("sources.list.d/*")):
            lines = path.read_text().splitlines() if path.is_file() else []
            told = [each for each in lines if not each.lstrip().startswith("#")]
            found += re.findall(r"https?://[^\s\]]+", "\n".join(told))
    return found


def _said(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return done.stdout
