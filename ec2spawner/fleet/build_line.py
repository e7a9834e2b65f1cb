"""The line in which builds wait: first come, first built."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable


class BuildLine:
    """Who waits for their turn, of one hub."""

    def __init__(self) -> None:
        #: in the order in which they came
        self._waiting: list[Hashable] = []
        #: how many must end before the first one's turn
        self._ahead = 0

    async def look(
        self,
        who: Hashable,
        busy: Callable[[], Awaitable[int]],
        most: int,
        tell: Callable[[int], None],
    ) -> bool:
        """Whether it is its turn. Who looks is in the line, until it leaves.

        :param busy: how many builds there are, those in line left out
        :param most: how many there may be
        :param tell: is told for how many it waits
        """
        if who not in self._waiting:
            self._waiting.append(who)
        if self._waiting[0] == who:
            # EC2 is asked for the first only: who is behind it waits in any case.
            self._ahead = max(0, await busy() - most + 1)
            if not self._ahead:
                return True
        tell(max(1, self._ahead) + self._waiting.index(who))
        return False

    def leave(self, who: Hashable) -> None:
        if who in self._waiting:
            self._waiting.remove(who)
