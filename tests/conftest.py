"""What all tests share."""

import pytest
from hypothesis import settings

# No test asserts how long something takes, on a computer that is busy.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """What is slow runs only when it is asked for: by ``-m``, or by its name."""
    named = any("::" in word for word in config.args)
    if named or "slow" in config.getoption("markexpr"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]
