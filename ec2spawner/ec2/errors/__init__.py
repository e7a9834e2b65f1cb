"""What goes wrong at AWS: its codes, what each means, and the exception that tells."""

from .ec2_error import (
    EC2Error,
    admin_hint,
    check_whose,
    from_botocore,
    has_expired,
    zones_named,
)

__all__ = [
    "EC2Error",
    "admin_hint",
    "check_whose",
    "from_botocore",
    "has_expired",
    "zones_named",
]
