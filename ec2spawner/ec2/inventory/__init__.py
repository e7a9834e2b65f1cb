"""One shared listing of a hub's machines, and what may be believed of it."""

from .inventory import Inventory
from .view import CONSISTENCY_SECONDS, Listing

__all__ = ["CONSISTENCY_SECONDS", "Inventory", "Listing"]
