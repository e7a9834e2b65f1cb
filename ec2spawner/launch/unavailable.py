"""What EC2 said it cannot give, remembered for all launches of a fleet. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..ec2.errors import EC2Error
from ..ec2.errors.kinds import Kind, Scope
from .plan import Candidate

# Letters of a type's family -> its quota, where they are not the same
# (EC2 instance types guide, "Amazon EC2 instance type quotas").
_STANDARD = frozenset(("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"))
_GRAPHICS = frozenset(("g", "gr", "vt"))


def quota_family(instance_type: str) -> str:
    """The vCPU quota that a type counts against, one each for every market."""
    match = re.match(r"[a-z]+", instance_type)
    letters = match[0] if match else instance_type
    if letters in _STANDARD:
        return "standard"
    return "g" if letters in _GRAPHICS else letters


def covers(scope: Scope, source: Candidate, other: Candidate) -> bool:
    """Whether an error about ``source`` speaks of ``other``, too."""
    if source == other:
        return True
    market = source.market == other.market
    kind = source.instance_type == other.instance_type
    image = source.request.get("ImageId") == other.request.get("ImageId")
    # Without its zone, a subnet is all that is known of a place.
    place = (source.zone or source.subnet) == (other.zone or other.subnet)
    quota = quota_family(source.instance_type) == quota_family(other.instance_type)
    return {
        Scope.NOTHING: False,
        Scope.OFFERING: market and kind and place,
        Scope.TYPE_IN_ZONE: kind and place,
        Scope.TYPE: kind,
        Scope.ZONE: place,
        Scope.SUBNET: source.subnet == other.subnet,
        Scope.FAMILY: market and quota,
        Scope.MARKET: market,
        Scope.IMAGE: image,
        Scope.HIBERNATION: kind and image and other.hibernates,
        Scope.EVERYTHING: True,
    }[scope]


@dataclass(frozen=True)
class News:
    """What EC2 said of a candidate, and when (monotonic seconds)."""

    at: float
    candidate: Candidate
    error: EC2Error


class Unavailable:
    """The offerings that EC2 refused lately, whoever asked for them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._news: dict[tuple[Scope, Candidate], News] = {}

    def note(self, candidate: Candidate, error: EC2Error) -> None:
        """Remember a refusal, for as long as its meaning says."""
        if error.meaning.seconds > 0:
            key = (error.meaning.scope, candidate)
            # A new mapping: others may be reading the old one in their threads.
            fresh = {k: news for k, news in self._news.items() if self._holds(news)}
            self._news = {**fresh, key: News(self._clock(), candidate, error)}

    def of(self, candidate: Candidate) -> News | None:
        """The newest refusal that still speaks against a candidate."""
        found = (
            news
            for news in self._news.values()
            if self._holds(news)
            and covers(news.error.meaning.scope, news.candidate, candidate)
        )
        return max(found, key=lambda news: news.at, default=None)

    def in_words(self, candidates: Sequence[Candidate]) -> str:
        """What speaks against launches that may try these, for who is to choose;
        empty when nothing does."""
        found = [(each, self.of(each)) for each in candidates]
        against = [(each, news) for each, news in found if news is not None]
        if not against:
            return ""
        newest = max((news for _, news in against), key=lambda news: news.at)
        minutes = int((self._clock() - newest.at) / 60)
        ago = f"{minutes} min ago" if minutes else "a moment ago"
        sold_out = newest.error.kind is Kind.CAPACITY
        what = "AWS was sold out" if sold_out else "AWS refused it"
        zones = sorted({each.zone for each, _ in against if each.zone})
        if len(against) == len(found) or not zones:
            return f"{what} {ago}. Start asks again."
        return f"{what} in {', '.join(zones)} {ago}. Others are tried."

    def _holds(self, news: News) -> bool:
        return self._clock() - news.at < news.error.meaning.seconds
