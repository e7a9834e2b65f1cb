"""Leave nothing behind, even when the owner is killed with SIGKILL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import marked


class Keeper:
    """A small detached process that cleans up after this one.

    It holds the read end of a pipe whose write end only this process has. When
    this process is gone, for whatever reason, the pipe reports its end, and the
    keeper kills every process that carries ``marker_name=marker_value`` (or
    ``marker_value/...``) in its environment and removes the folders.

    Not PR_SET_PDEATHSIG: that fires when the *thread* that forked ends, is lost at
    an exec of a set-user-id program, and reaches no grandchildren.

    Close it, or let it go, only when everything is meant to end: closing sets off
    the same clean-up and does not wait for it.
    """

    def __init__(
        self,
        marker_name: str,
        marker_value: str,
        folders: Sequence[str | os.PathLike[str]] = (),
    ) -> None:
        if not marker_value:
            raise ValueError("a keeper needs a marker value: it kills what carries it")
        read_end, write_end = os.pipe()  # neither is inherited by children
        self._lifeline: int | None = write_end
        try:
            # It forks away and ends at once, so that the keeper is no child of ours.
            subprocess.run(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    str(Path(marked.__file__).resolve()),
                    str(read_end),
                    marker_name,
                    marker_value,
                    *(str(Path(folder).absolute()) for folder in folders),
                ],
                pass_fds=(read_end,),
                env={},  # in particular no marker, ours or anybody's
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                check=True,
            )
        except BaseException:
            os.close(write_end)
            raise
        finally:
            os.close(read_end)

    def close(self) -> None:
        """Set off the clean-up now."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
