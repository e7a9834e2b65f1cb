"""What EC2 announces about the machine, and what must stay as it was meanwhile."""

from __future__ import annotations

import json
import threading
from typing import Any, Callable

from ..metadata import Metadata
from ..words import say

#: seconds, as AWS advises (EC2 user guide, "Spot Instance interruption notices")
EVERY = 5.0
#: path below meta-data/ -> the step to report, the keys of what and when
ANNOUNCED = {
    "spot/instance-action": ("interruption", "action", "time"),
    "events/recommendations/rebalance": ("rebalance", "", "noticeTime"),
}


class Watch(threading.Thread):
    """Tells the Hub what EC2 announces, each thing once.

    ``announce`` is given the step and EC2's time, to tell people here at once.
    ``look_after`` is called about once a minute; what it raises is only said.
    """

    def __init__(
        self,
        tell: Callable[..., None],
        look_after: Callable[[], Any],
        announce: Callable[[str, str], None],
    ) -> None:
        super().__init__(daemon=True)
        self.tell, self.announce = tell, announce
        self.look_after = look_after
        self.over = threading.Event()
        self.told: set[tuple[str, bytes]] = set()
        self.start()

    def run(self) -> None:
        metadata, rounds = Metadata(), 0
        while not self.over.is_set():
            if rounds % 12 == 0:
                self.try_to(self.look_after)
            self.try_to(lambda: self.look(metadata))
            rounds += 1
            self.over.wait(EVERY)

    def look(self, metadata: Metadata) -> None:
        for path, (step, what, when) in ANNOUNCED.items():
            body = metadata.find("meta-data/" + path)
            if body is None or (path, body) in self.told:
                continue
            self.told.add((path, body))
            notice = json.loads(body)
            self.announce(step, str(notice[when]))
            words = [str(notice[key]) for key in (what, when) if key]
            self.tell(step, " ".join(words))

    @staticmethod
    def try_to(do: Callable[[], Any]) -> None:
        try:
            do()
        except OSError:
            pass  # it is asked again
        except Exception as e:
            say("watching the machine: %s" % e)
