"""What a local EC2 has from the start, by id."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Resources:
    """Ids of what is there from the start."""

    region: str
    zones: list[str]
    vpc_id: str
    vpc_cidr: str
    #: by zone
    subnet_ids: dict[str, str]
    #: of machines: lets in members of the Hub's group, at port 8888
    security_group_id: str
    #: of this computer, where the Hub is: lets in everybody in the VPC
    hub_security_group_id: str
    image_id: str
    image_id_arm: str
    image_name: str
    image_owner: str
    #: an SSM parameter that holds ``image_id``
    image_parameter: str
    key_name: str
    #: where machines reach what listens on this computer, a Hub for example
    hub_address: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
