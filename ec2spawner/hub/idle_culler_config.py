"""The idle culler's configuration: every server has an idle time of its own.

Executed by jupyterhub-idle-culler, in the process that ``setup()`` has the Hub start.
"""

c = get_config()  # type: ignore[name-defined]  # noqa: F821


def is_to_stop(inactive, inactive_limit, server):  # type: ignore[no-untyped-def]
    """Whether a server has been idle for as long as its launch allows.

    What a launch was promised is in its saved state. Not in ``user_options``: those
    say what was asked for, and the settings may have changed since.

    :param inactive: how long it has been, a timedelta
    :param inactive_limit: seconds, of servers without an idle time of their own
    :param server: the Hub's model of it, with the state
    """
    launch = server.get("state", {}).get("launch")
    # A state that the Hub could not read is whatever it is.
    policy = launch.get("idle") if isinstance(launch, dict) else None
    own = policy.get("idle_timeout") if isinstance(policy, dict) else None
    limit = own if isinstance(own, (int, float)) and own > 0 else inactive_limit
    return inactive.total_seconds() >= limit


c.IdleCuller.cull_arbiter_hook = is_to_stop
