"""Settings of idle servers: when they stop, and how their users are warned."""

from __future__ import annotations

from traitlets import Enum, Float, HasTraits

from ..core.idleness import IdlePolicy


class IdleSettings(HasTraits):
    """Settings of what is idle, and for how long it may be."""

    idle_timeout = Float(
        0.0,
        min=0,
        config=True,
        help="""
        Seconds after which a server is stopped that nobody uses and on which nothing
        runs; 0 for never.

        Whether anything runs, its machine sees: kernels, terminals, processors, GPUs,
        the network. ``ec2spawner.setup`` sets it to an hour unless you have set it.
        Profiles and choices may differ from it, and what users may choose themselves,
        :attr:`idle_timeouts` says. With ``setup(c, culler="service")`` it is for the
        idle culler, and 0 stands for the time of ``setup``.

        .. versionadded:: 0.1
        """,
    )

    busy_limit = Float(
        0.0,
        min=0,
        config=True,
        help="""
        Seconds after which a server is stopped although something runs on it, when
        nobody has used it for so long; 0, the default, for never.

        For what is forgotten and looks busy: a kernel that waits for ``input()``, a
        program in a terminal that does nothing. For example 43200 on machines with a
        GPU.

        .. versionadded:: 0.1
        """,
    )

    max_age = Float(
        0.0,
        min=0,
        config=True,
        help="""
        Seconds after which a server is stopped whatever it is doing; 0, the default,
        for never.

        The Hub stops it, with a warning before. What a machine does by itself, should
        there be no Hub any more, :attr:`max_lifetime` says.

        .. versionadded:: 0.1
        """,
    )

    idle_warning = Float(
        600.0,
        min=0,
        config=True,
        help="""
        Seconds for which users are warned before their server is stopped for any of
        these; half of the time that it has at most.

        .. versionadded:: 0.1
        """,
    )

    keep_seconds = Float(
        7200.0,
        min=0,
        config=True,
        help="""
        Seconds for which a server goes on whose user presses *Keep*; 0 for no such
        button.

        For what no machine can see, such as a job elsewhere that is waited for.

        .. versionadded:: 0.1
        """,
    )

    keep_limit = Float(
        28800.0,
        min=0,
        config=True,
        help="""
        Seconds that all presses of *Keep* may give one start of a server together.

        The Hub counts them, so pressing again and again gives no more. Nor does any
        press hold off :attr:`max_age`, or the end of a budget.

        .. versionadded:: 0.1
        """,
    )

    idle_action = Enum(
        ["stop", "log"],
        default_value="stop",
        config=True,
        help="""
        What becomes of a server whose time is over: ``"stop"`` warns its user and stops
        it, ``"log"`` only writes to the Hub's log what would have been done.

        Use ``"log"`` for some days to see what a time would have meant for your users.

        .. versionadded:: 0.1
        """,
    )


def idle_policy(settings: IdleSettings) -> IdlePolicy:
    """What a launch is promised, by the settings at its start."""
    return IdlePolicy(
        idle_timeout=settings.idle_timeout,
        busy_limit=settings.busy_limit,
        max_age=settings.max_age,
        idle_warning=settings.idle_warning,
        keep_seconds=settings.keep_seconds,
        keep_limit=settings.keep_limit,
    )
