"""What the agent says on the console, and how it says that it cannot go on."""

from __future__ import annotations


def say(text: str) -> None:
    print("ec2spawner: " + text, flush=True)


class Failed(Exception):
    """The machine cannot serve; the text says why, and ``log`` may show more."""

    def __init__(self, text: str, log: str = "") -> None:
        super().__init__(text)
        self.log = log
