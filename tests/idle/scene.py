"""Scenes of people at work, each labelled by what a reasonable colleague would do.

A scene is an object of a JSON file in ``scenes/``::

    {
      "scene": "what happens, in words",
      "because": "why a colleague would stop the machine, or leave it on",
      "policy": {"busy_limit": 720},        minutes, beside those of POLICY
      "lasts": [{"minutes": 60, ...}, ...],  what is so, one after the other
      "stops": 60                            minutes after its begin, or null for never
    }

What is so in a part of it, all of it optional:

- ``people``: ``"types"`` in a page, ``"types in a terminal"``, or ``"away"``;
- ``page``: ``"ours"`` with the extension, ``"other"`` without it, or ``"closed"``;
- ``kit``: false where the extension is not on the image;
- ``activity``: JupyterHub is told of activity, as a culler would see it;
- ``keep``: somebody presses *Keep* at its begin;
- ``silent``: the machine says nothing to the Hub;
- ``programs``, ``kernels``, ``cpu``, ``cpu_user``, ``network``, ``gpu``, ``others``,
  ``unknown``: what a look at the machine finds (``Sight``).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ec2spawner.claim.agent.work.idle.memory import Memory
from ec2spawner.claim.agent.work.idle.said import Said
from ec2spawner.claim.agent.work.idle.sampler import LOOK, people_in
from ec2spawner.claim.agent.work.idle.sight import Kernel, Program, Sight
from ec2spawner.claim.messages import Heartbeat
from ec2spawner.core.idleness import IdlePolicy, Step
from ec2spawner.core.state import Launch, Phase
from ec2spawner.server.idle.use import Use

FOLDER = Path(__file__).parent / "scenes"
MINUTE = 60.0
#: of a hub as ``setup(c)`` makes it
POLICY = IdlePolicy(
    idle_timeout=3600, idle_warning=600, keep_seconds=7200, keep_limit=28800
)
BEGIN = 1_795_000_020.0
#: the Hub looks so often
ROUND = 15.0


def scenes() -> list[dict[str, Any]]:
    return [
        {**scene, "file": path.stem}
        for path in sorted(FOLDER.glob("*.json"))
        for scene in json.loads(path.read_text())
    ]


class Play:
    """One scene, with the agent's memory on one side and the Hub's verdict on the
    other; between them goes what goes between machine and Hub."""

    def __init__(self, scene: dict[str, Any]) -> None:
        self.scene = scene
        minutes = scene.get("policy", {})
        policy = replace(POLICY, **{k: v * MINUTE for k, v in minutes.items()})
        self.launch = Launch("s", "l", Phase.READY, ready_at=BEGIN, idle=policy)
        self.memory, self.use = Memory(BEGIN), Use()
        self.human = self.page = self.active = BEGIN
        self.press = 0.0
        self.next_beat = BEGIN
        #: minutes after the begin
        self.warned: list[float] = []
        self.stopped: float | None = None
        self.why = ""

    def run(self) -> Play:
        now = BEGIN
        for part in self.scene["lasts"]:
            end = now + part["minutes"] * MINUTE
            self.press += bool(part.get("keep"))
            while now < end and self.stopped is None:
                self.look(part, now)
                self.speak(part, now)
                self.judge(now)
                now += ROUND
        return self

    def look(self, part: dict[str, Any], now: float) -> None:
        if now % LOOK:
            return
        if part.get("activity"):
            self.active = now
        self.memory.add(self.sight(part, now), now)

    def speak(self, part: dict[str, Any], now: float) -> None:
        if now < self.next_beat or part.get("silent"):
            return
        seen = self.memory.seen(now)
        body = {"launch_id": "l", "machine_key": "k", "seen": seen}
        heard = Heartbeat.from_json(json.dumps(body).encode()).seen
        assert heard is not None
        if kept := self.use.saw(heard, self.launch, now):
            until, seconds = kept.until, kept.seconds
            self.launch = replace(
                self.launch,
                kept_press=kept.press,
                kept_until=until,
                kept_seconds=seconds,
            )
        verdict = self.use.judge(self.launch, self.active, now)
        self.next_beat = now + verdict.next_beat(self.launch.idle, now)

    def judge(self, now: float) -> None:
        verdict = self.use.judge(self.launch, self.active, now)
        self.why = verdict.why
        minute = (now - BEGIN) / MINUTE
        if verdict.step is Step.WARN:
            self.warned.append(minute)
        if verdict.step is Step.STOP:
            self.stopped = minute

    def sight(self, part: dict[str, Any], now: float) -> Sight:
        people, page = part.get("people", "away"), part.get("page", "closed")
        if people == "types":
            self.human = now
        if page == "ours":
            self.page = now
        said = Said(
            at=now if part.get("kit", True) else 0.0,
            human=self.human,
            page=self.page,
            sockets=0 if page == "closed" else 2,
            others=part.get("others", []),
            keep=self.press,
        )
        return people_in(said, now)._replace(
            programs=[
                Program(each[0], tuple(each), *rest)
                for each, *rest in part.get("programs", [])
            ],
            kernels=[Kernel(*each) for each in part.get("kernels", [])],
            cpu=part.get("cpu", 0.0),
            cpu_user=part.get("cpu_user", ""),
            network=part.get("network", 0.0),
            gpu=part.get("gpu", 0),
            unknown=part.get("unknown", []),
            typed=0.0 if people == "types in a terminal" else None,
        )
