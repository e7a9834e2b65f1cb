"""What a configuration will ask of AWS, and where machines will look for the Hub.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from ....hub.checks.variants import Variant
from ....settings.network import is_loopback_url
from ...policy.needs import Needs


@dataclass(frozen=True)
class Wants:
    """What the Hub is told to offer, and where machines are told to find it.

    :ivar needs: what its policy is made of
    :ivar hub_url: that of the Hub's API, for machines
    :ivar hub_address: the IPv4 address in it, or of the name in it; empty if unknown
    :ivar hub_port: on which the Hub listens for servers
    :ivar claim_port: on which it listens for machines; 0 for the same
    :ivar port: of servers on machines
    :ivar unknown: settings that only the start of a server tells
    """

    hub_id: str
    variants: tuple[Variant, ...]
    needs: Needs
    hub_url: str = ""
    hub_address: str = ""
    hub_port: int = 8081
    claim_port: int = 0
    port: int = 8888
    max_machines: int = 0
    endpoint_url: str = ""
    silence_limit: float = 0.0
    unknown: tuple[str, ...] = ()

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(v.region for v in self.variants if v.region))

    def of(self, region: str) -> list[Variant]:
        """The variants whose machines are in a region."""
        return [each for each in self.variants if each.region == region]

    @property
    def hub_ports(self) -> tuple[int, ...]:
        """Those that machines must reach."""
        return tuple(port for port in (self.hub_port, self.claim_port) if port)

    @property
    def hub_host(self) -> str:
        return urlsplit(self.hub_url).hostname or ""

    @property
    def is_local(self) -> bool:
        """A local EC2 has the machines: they are on this computer."""
        return is_loopback_url(self.hub_url)
