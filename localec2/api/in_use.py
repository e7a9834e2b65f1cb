"""What is in use cannot be deleted, which moto lets through.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

from typing import Any

from ..errors import AwsError
from ..requests.request import ApiRequest


def check_delete_interface(request: ApiRequest, backend: Any) -> None:
    nic = backend.enis.get(request.get("NetworkInterfaceId") or "")
    if nic is not None and (nic.attachment_id or nic.instance):
        raise AwsError(
            "InvalidNetworkInterface.InUse",
            f"Network interface '{nic.id}' is currently in use.",
        )


def check_release_address(request: ApiRequest, backend: Any) -> None:
    for address in backend.addresses:
        if address.allocation_id == request.get("AllocationId") and (
            address.association_id or address.instance or address.eni
        ):
            raise AwsError(
                "InvalidIPAddress.InUse",
                f"Address {address.public_ip} is in use.",
            )
