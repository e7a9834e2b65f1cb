"""An EC2 to look at, for tests that need no whole demo."""

from tests.hub.conftest import cloud, ec2  # noqa: F401
