"""What the metadata service of one instance answers."""

from __future__ import annotations

import json
from typing import Any

from ..metadata.identity_document import Signer, document
from ..metadata.service import Item, MetadataView


def metadata_view(instance: Any, signer: Signer) -> MetadataView:
    """Built anew for every request, so that changes show at once."""
    region = instance.ec2_backend.region_name
    nic = instance.nics.get(0)
    mac = nic.mac_address if nic else ""
    text = {
        "ami-id": instance.image_id,
        "ami-launch-index": str(instance.ami_launch_index),
        "hostname": instance.private_dns_name,
        "instance-action": "none",
        "instance-id": instance.id,
        "instance-life-cycle": instance.lifecycle or "on-demand",
        "instance-type": instance.instance_type,
        "local-hostname": instance.private_dns_name,
        "local-ipv4": instance.private_ip or "",
        "mac": mac,
        f"network/interfaces/macs/{mac}/device-number": "0",
        f"network/interfaces/macs/{mac}/interface-id": nic.id if nic else "",
        f"network/interfaces/macs/{mac}/local-ipv4s": instance.private_ip or "",
        f"network/interfaces/macs/{mac}/mac": mac,
        f"network/interfaces/macs/{mac}/subnet-id": instance.subnet_id or "",
        f"network/interfaces/macs/{mac}/vpc-id": instance.vpc_id or "",
        "placement/availability-zone": instance.availability_zone or "",
        "placement/region": region,
        "reservation-id": instance.reservation_id,
        "security-groups": "\n".join(g.name for g in instance.security_groups),
        "services/domain": "amazonaws.com",
        "services/partition": "aws",
    }
    if instance.public_ip:
        text["public-ipv4"] = instance.public_ip
    if instance.spot_notice:
        text["spot/instance-action"] = json.dumps(instance.spot_notice)
        text["spot/termination-time"] = instance.spot_notice["time"]
    if instance.rebalance_notice:
        notice = json.dumps(instance.rebalance_notice)
        text["events/recommendations/rebalance"] = notice
    if instance.metadata_options.instance_metadata_tags == "enabled":
        for tag in instance.get_tags():
            text[f"tags/instance/{tag['key']}"] = tag["value"]
    items: dict[str, Item] = {
        f"meta-data/{name}": value.encode() for name, value in text.items()
    }
    who = document(instance, region)
    identity = "dynamic/instance-identity"
    items[f"{identity}/document"] = who
    items[f"{identity}/signature"] = lambda: signer.signature(who)
    items[f"{identity}/pkcs7"] = lambda: signer.pkcs7(who)
    items[f"{identity}/rsa2048"] = lambda: signer.pkcs7(who)
    user_data = instance.raw_user_data
    if user_data is not None:
        items["user-data"] = user_data
    return MetadataView(
        items, endpoint_enabled=instance.metadata_options.http_endpoint != "disabled"
    )
