"""The log of what benchmarks run in their own process."""

from __future__ import annotations

import logging

LOG = logging.getLogger("benchmarks")
