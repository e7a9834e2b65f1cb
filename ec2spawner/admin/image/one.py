"""What the commands about images that exist have in common."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..app import AdminApp

if TYPE_CHECKING:
    from ...images.shelf import Version
    from .look import Shelf


class OneImageApp(AdminApp):
    """A command about images that it names."""

    def words(self, what: str) -> list[str]:
        """The words of the command line that are no options; ends without any."""
        words, self.extra_args = list(self.extra_args), []
        if not words:
            self.fail(f"{what}. See {self.name} --help", 2)
        return words

    def one_word(self, what: str) -> str:
        first, *more = self.words(what)
        if more:
            self.fail(f"what is {more[0]!r}? See {self.name} --help", 2)
        return first

    def meant(self, shelf: Shelf, name: str) -> list[Version]:
        """The versions that a name means, the newest first; ends if there is none."""
        from ...images.shelf import named  # late: see ../options.py

        found = named(shelf.versions, name)
        if not found:
            labels = sorted({version.label for version in shelf.versions})
            known = f"They are: {', '.join(labels)}" if labels else "It has none"
            self.complain(shelf.trouble)
            self.fail(f"hub {shelf.hub_id} has no image {name!r}. {known}", 2)
        return found

    def complain(self, lines: Iterable[str]) -> None:
        for each in lines:
            print(f"{self.name}: {each}", file=sys.stderr, flush=True)


def is_account(text: str) -> bool:
    """Whether it is the number of an AWS account."""
    return re.fullmatch(r"\d{12}", text) is not None
