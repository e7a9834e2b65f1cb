"""Which repository's files a server's home gets. Pure."""

from __future__ import annotations

import posixpath

from ..core.git_address import read_address
from ..settings import LaunchSettings


def content_of(settings: LaunchSettings) -> dict[str, str]:
    """Its url, its ref and its folder in the home; empty for none.

    Without a url it is what the image has in it, if anything: only the machine knows.
    """
    text = settings.repository if settings.content is None else settings.content
    if not text:
        nothing = settings.content is not None
        return {} if nothing else {"url": "", "ref": "", "folder": ""}
    url, ref = read_address(text)
    return {"url": url, "ref": ref, "folder": posixpath.basename(url)}
