"""Metrics of this process, as ``/hub/metrics`` shows them beside JupyterHub's own.

Labels are few and fixed: no user, no machine, no launch. What has a label is there from
the start, at 0, so that boards and alerts can name it (``jupyterhub/metrics.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

from jupyterhub.metrics import metrics_prefix
from prometheus_client import Counter, Gauge, Histogram

from .errors import Reason

#: what is no failure of anything: a limit, a budget, a choice
REFUSALS = frozenset({"limit", "budget", "options"})
_SECONDS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600)


class Outcome:
    """How a start has ended: the ``outcome`` label."""

    READY = "ready"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


STARTS = Counter(
    "ec2_starts",
    "Starts of servers that have ended, by how",
    ["outcome", "reason"],
    namespace=metrics_prefix,
)
LAUNCH_PHASE_SECONDS = Histogram(
    "ec2_launch_phase_seconds",
    "Seconds that each phase of a start that succeeded has taken",
    ["phase"],
    namespace=metrics_prefix,
    buckets=_SECONDS,
)
API_REQUESTS = Counter(
    "ec2_api_requests",
    "Requests to AWS, by operation, and by AWS's error code or ok",
    ["op", "code"],
    namespace=metrics_prefix,
)
CAPACITY_ERRORS = Counter(
    "ec2_capacity_errors",
    "Launches that EC2 refused because it had no such machine free",
    ["type", "az"],
    namespace=metrics_prefix,
)
SPOT_INTERRUPTIONS = Counter(
    "ec2_spot_interruptions",
    "Spot machines whose end EC2 has announced",
    namespace=metrics_prefix,
)
ORPHANS = Gauge(
    "ec2_orphans",
    "Machines and other resources without a server that no sweep has ended yet",
    ["region"],
    namespace=metrics_prefix,
)
READY_STARTS = Counter(
    "ec2_ready_starts",
    "Starts of a kind of which machines are to be ready: given one, or missed it",
    ["outcome"],
    namespace=metrics_prefix,
)


def outcome_of(reason: str) -> str:
    """The outcome of a start that has ended with an error of this reason."""
    if reason == Reason.CANCELLED.value:
        return Outcome.CANCELLED
    return Outcome.REFUSED if reason in REFUSALS else Outcome.FAILED


def start_ended(reason: str = "") -> None:
    """Count a start.

    :param reason: of its error; empty for one that is ready
    """
    outcome = outcome_of(reason) if reason else Outcome.READY
    STARTS.labels(outcome, reason).inc()


def phases_took(stages: Mapping[str, float]) -> None:
    """Count the phases of a start that has succeeded.

    :param stages: seconds of each by its name
    """
    for name, seconds in stages.items():
        LAUNCH_PHASE_SECONDS.labels(name).observe(seconds)


STARTS.labels(Outcome.READY, "")
for _outcome in ("given", "missed"):
    READY_STARTS.labels(_outcome)
for _reason in Reason:
    STARTS.labels(outcome_of(_reason.value), _reason.value)
