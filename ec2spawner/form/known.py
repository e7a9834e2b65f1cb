"""What is known while a form is made. Nothing here asks anybody, or waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.state import StoppedMachine
from ..costs.budget import Use
from ..costs.price_list import PriceList
from ..ec2.facts import Image, TypeFacts
from ..ec2.images import ShelvedImage
from ..launch.history import StartHistory


@dataclass(frozen=True)
class Known:
    """What may be said of choices; of what is not known nothing is said.

    :ivar prices: None for a hub that does not speak of prices
    :ivar type_facts: of a region and an instance type
    :ivar image: of a region, what the setting ``image`` says, and ``image_owners``
    :ivar elsewhere: the same of an image that is known not to be in that region: where
        it is
    :ivar shelf: the images that the hub has made in a region, as seen last; None where
        nobody has looked
    :ivar building: of a region, and the name of an image or where its repository is:
        seconds that its build still takes, 0 for an unknown time, None for no build
    :ivar refused: of a region, market, instance types, subnets and image: what AWS has
        refused lately, in words; empty when nothing speaks against it
    :ivar ready: of what gives a setting by its name, and instance types: whether a
        machine of such settings is ready for whoever comes first
    :ivar budgets: that the server comes under, with what was spent of each
    :ivar learning: EC2 is being asked for facts, for the first time
    :ivar home_region: where the server's home is, empty while it has none
    :ivar stopped: the machine of the server that is stopped
    """

    prices: PriceList | None = None
    type_facts: Callable[[str, str], TypeFacts | None] = lambda region, name: None
    image: Callable[[str, str, Sequence[str]], Image | None] = lambda r, i, o: None
    elsewhere: Callable[[str, str, Sequence[str]], Sequence[str]] = (
        lambda region, image, owners: ()
    )
    shelf: Callable[[str], Sequence[ShelvedImage] | None] = lambda region: None
    building: Callable[[str, str], float | None] = lambda region, what: None
    refused: Callable[[str, str, Sequence[str], Sequence[str], str], str] = (
        lambda region, market, types, subnets, image: ""
    )
    ready: Callable[[Callable[[str], Any], Sequence[str]], bool] = (
        lambda setting, types: False
    )
    budgets: tuple[Use, ...] = ()
    history: StartHistory = field(default_factory=StartHistory)
    learning: bool = False
    home_region: str = ""
    stopped: StoppedMachine | None = None
