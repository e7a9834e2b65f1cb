"""A JupyterHub spawner that gives every user a dedicated EC2 machine."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import setup
    from .spawner import EC2Spawner

__version__ = version("ec2spawner")
__all__ = ["EC2Spawner", "setup", "__version__"]


def __getattr__(name: str) -> Any:
    # Imported on first use: the command line and a configuration file that only
    # calls setup() should not pay for the Hub and boto3.
    if name == "EC2Spawner":
        from .spawner import EC2Spawner

        return EC2Spawner
    if name == "setup":
        from .config import setup

        return setup
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
