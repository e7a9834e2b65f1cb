"""What became of scenes, as a table."""

from __future__ import annotations

from dataclasses import dataclass

from ec2spawner.claim.agent.work.idle.sampler import LOOK

from .script import Scene

#: so many seconds a machine may be kept beyond its time: a look and a round of the Hub
INTERVAL = 60.0
#: what begins and ends between two looks, nobody sees
EARLY = LOOK


@dataclass(frozen=True)
class Outcome:
    """How a scene ended.

    :ivar stopped: seconds after everybody has left; None while it is still on
    :ivar why: the Hub's words
    :ivar limit: by which limit it was stopped
    :ivar failed: what went wrong on the stage itself
    """

    scene: Scene
    stopped: float | None = None
    why: str = ""
    limit: str = ""
    failed: str = ""

    @property
    def verdict(self) -> str:
        """Whether that was right, or what was wrong."""
        scene = self.scene
        if self.failed:
            return "not played"
        if scene.keeps:
            return "right" if self.stopped is None else "WRONG STOP"
        if self.stopped is None or self.stopped > scene.after + INTERVAL:
            return "KEPT TOO LONG"
        return "right" if self.stopped >= scene.after - EARLY else "WRONG STOP"


def report(outcomes: list[Outcome]) -> str:
    lines = []
    for each in sorted(outcomes, key=lambda o: (o.verdict == "right", o.scene.letter)):
        label = "stays on" if each.scene.keeps else f"stops at {each.scene.after:.0f} s"
        stopped = "on" if each.stopped is None else f"stopped at {each.stopped:.0f} s"
        words = (each.verdict, each.scene.letter, each.scene.what, label, stopped)
        lines.append(" | ".join((*words, each.failed or each.why)))
    verdicts = [each.verdict for each in outcomes]
    kinds = ("right", "WRONG STOP", "KEPT TOO LONG", "not played")
    ends = ", ".join(f"{verdicts.count(kind)} {kind.lower()}" for kind in kinds)
    return "\n".join([*lines, f"{len(outcomes)} scenes: {ends}"])
