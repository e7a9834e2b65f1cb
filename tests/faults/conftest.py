"""The Hub of the other tests, for those that break things."""

from tests.hub.conftest import cloud, ec2, make_hub, make_quick_hub  # noqa: F401
