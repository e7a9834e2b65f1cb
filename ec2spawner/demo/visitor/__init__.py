"""A user of the hub, as a browser is one: for the demo's check, and for tests."""

from .kernel import KernelFailed
from .visitor import SpawnFailed, Visitor

__all__ = ["KernelFailed", "SpawnFailed", "Visitor"]
