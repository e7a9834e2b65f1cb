"""What may be the address of a git repository: https, and no password. Pure."""

from __future__ import annotations

import re

# No part of a path begins with a dot or a dash: no "..", no option of git's.
PART = r"[A-Za-z0-9_][\w.+~-]*"
HOST = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?"
REF = r"[A-Za-z0-9_][\w.+/-]{0,199}"
_ADDRESS = re.compile(rf"(https://{HOST}(?:/{PART})+)/?(?:@({REF}))?", re.ASCII)


def read_address(text: str) -> tuple[str, str]:
    """``https://HOST/OWNER/NAME`` and what is behind its ``@``, empty for nothing.

    :raises ValueError: when it is no such address
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or ".." in (match[2] or ""):
        raise ValueError(
            f"{text[:200]!r} is no address of a repository: write "
            "https://HOST/OWNER/NAME, with @ and a branch or tag if you like"
        )
    return match[1].removesuffix(".git"), match[2] or ""
