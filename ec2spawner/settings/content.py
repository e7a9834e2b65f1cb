"""Settings of the files that a user's home gets from a repository."""

from __future__ import annotations

from typing import Any

from traitlets import HasTraits, TraitError, Unicode, validate

from ..core.git_address import read_address


class ContentSettings(HasTraits):
    """Which repository's files are in a home."""

    content = Unicode(
        None,
        allow_none=True,
        config=True,
        help="""
        A git repository whose files each server's home has a folder of:
        ``https://HOST/OWNER/NAME``, with ``@`` and a branch or tag or not.

        Each start brings what is new, as nbgitpuller does: what the user has changed
        is never overwritten, and what they have deleted comes back. A commit, all 40
        digits of it, is brought once. It runs as the user, so what needs a password is
        brought only where the user has told git theirs. If it cannot be brought, the
        server starts without what is new, and the progress page says so. The image
        needs git and nbgitpuller: those of ``ec2spawner image build`` have them.

        Files that ``ec2spawner image build --bake`` has put into the image come from
        there, without a network, if they are of this repository.

        Default, ``None``: the :attr:`repository` that the server's image is of, if
        any, else what is in the image. ``""`` brings nothing.

        .. versionadded:: 0.1
        """,
    )

    @validate("content")
    def _check_content(self, proposal: Any) -> str | None:
        text: str | None = proposal["value"]
        if text:
            try:
                read_address(text)
            except ValueError as e:
                raise TraitError(f"content: {e}") from e
        return text
