"""What an event is: the only way to change a ``ServerState``. Pure."""

from __future__ import annotations

from typing import ClassVar

from .state import Phase, ServerState, Wish


class NotNow(Exception):
    """An event that is not possible now: too late, too early, or of another start."""


class Event:
    """Something that has happened, or is about to be done."""

    #: the phases of a launch in which it is possible; None when it needs no launch
    phases: ClassVar[frozenset[Phase] | None] = None
    #: whether only a launch that is still to serve allows it
    serving: ClassVar[bool] = False
    #: whether it is written to the database at once, before anything follows from it
    saved: ClassVar[bool] = True
    #: whether it does not happen when the database refuses it: what follows from it
    #: could not be found again. Any other has happened, whatever is saved
    ahead: ClassVar[bool] = False

    def after(self, state: ServerState) -> ServerState:
        """The state once this has happened.

        :raises NotNow: when it cannot happen now
        """
        self._check(state)
        return self._after(state)

    def _check(self, state: ServerState) -> None:
        if self.phases is None:
            return
        launch = state.launch
        if launch is None or launch.phase not in self.phases:
            raise NotNow(f"{self} with {launch}")
        if self.serving and launch.wish is not Wish.SERVE:
            raise NotNow(f"{self}, but the wish is {launch.wish.value}")
        start_id = getattr(self, "start_id", launch.start_id)
        if start_id != launch.start_id:
            raise NotNow(f"{self} is of another start than {launch.start_id}")

    def _after(self, state: ServerState) -> ServerState:
        raise NotImplementedError
