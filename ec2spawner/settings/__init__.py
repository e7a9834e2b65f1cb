"""What an admin can set, as plain traits that need no Hub to be read or tested."""

from .budgets import BudgetSettings
from .builds import BuildSettings
from .content import ContentSettings
from .data_volumes import DataSettings
from .home import HomeSettings
from .idleness import IdleSettings
from .lifecycle import LifecycleSettings
from .limits import LimitSettings
from .machine import MachineSettings
from .network import NetworkSettings
from .people import PeopleSettings
from .prices import PriceSettings
from .profiles import ProfileSettings
from .ready import ReadySettings


class LaunchSettings(
    MachineSettings,
    NetworkSettings,
    LifecycleSettings,
    IdleSettings,
    HomeSettings,
    DataSettings,
    LimitSettings,
    PriceSettings,
    BudgetSettings,
    BuildSettings,
    ContentSettings,
    PeopleSettings,
    ReadySettings,
    ProfileSettings,
):
    """Every setting of a launch. ``EC2Spawner`` is this plus the Hub's contract."""


__all__ = [
    "BudgetSettings",
    "BuildSettings",
    "ContentSettings",
    "DataSettings",
    "HomeSettings",
    "IdleSettings",
    "LaunchSettings",
    "LifecycleSettings",
    "LimitSettings",
    "MachineSettings",
    "NetworkSettings",
    "PeopleSettings",
    "PriceSettings",
    "ProfileSettings",
    "ReadySettings",
]
