"""What all tests share."""

import pytest
from hypothesis import settings

# No test asserts how long something takes, on a computer that is busy. CI tries the
# same examples in each run: what is new in a failure is the change. ``slow`` looks for
# others each time.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("slow", deadline=None, max_examples=300, print_blob=True)


def pytest_configure(config: pytest.Config) -> None:
    slow = "slow" in config.getoption("markexpr")
    settings.load_profile("slow" if slow else "ci")


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
