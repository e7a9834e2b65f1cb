"""A local EC2 whose machines boot, a hub outside of them, and a browser."""

from tests.browser.conftest import browser  # noqa: F401
from tests.machine.conftest import cloud, ec2, here, make_hub, settings  # noqa: F401
