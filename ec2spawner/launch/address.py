"""Whether the machine that claims is the one that EC2 has given the address to."""

from __future__ import annotations

from ..claim.registry import Claimant, Registry
from ..ec2.inventory import Inventory

# How long a claim waits for EC2's word that the machine is alive.
# Less than the agent waits for an answer. One listing may have to end before the one
# that is waited for begins.
_ANSWER_SECONDS = 12.0


async def owns_its_address(
    registry: Registry, inventory: Inventory, claimant: Claimant
) -> bool:
    """Whether EC2 says, after this was asked, that a claimant's machine has its
    address.

    A machine that had it before is routed to no longer when this is so: its user would
    be sent to this one. While EC2 cannot be asked, it is as last known.
    """
    launch = claimant.launch
    wait = _ANSWER_SECONDS + inventory.fast
    if not await inventory.goes_on(launch.instance_id, wait):
        return False
    for other in registry.at(launch.private_ip):
        if other is not claimant:
            await other.look_again()
    return [claimant] == registry.at(launch.private_ip)
