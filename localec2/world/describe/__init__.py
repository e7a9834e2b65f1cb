"""DescribeInstances and its like: what is asked, and the rows that answer."""

from .instances import (
    check_filters,
    check_ids,
    check_status_filters,
    describe_instance_status,
    describe_instances,
)

__all__ = [
    "check_filters",
    "check_ids",
    "check_status_filters",
    "describe_instance_status",
    "describe_instances",
]
