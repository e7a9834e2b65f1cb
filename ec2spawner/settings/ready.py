"""Settings of machines that are ready before anybody asks for one."""

from __future__ import annotations

from traitlets import Dict, Float, HasTraits, Int, List


class ReadySettings(HasTraits):
    """Settings of ready machines. They count for the whole hub."""

    ready_machines = List(
        Dict(),
        config=True,
        help="""
        Machines that are kept ready, so that a server on one starts at once.

        Each entry says how many of which choice, and when. What is chosen has the names
        that it has in ``user_options``: ``profile`` and its options, or ``size`` and
        ``image`` of the short form; what is left out has its default. For example::

            c.EC2Spawner.ready_machines = [
                {"profile": "medium", "count": 3, "hours": "Mon-Fri 8-18 Europe/Oslo"},
                {"profile": "gpu", "count": 1, "hours": "Tue 9:30-11 Europe/Oslo"},
            ]

        Without ``hours`` they are ready day and night, without a time zone hours are
        UTC. Of two entries for one choice the larger ``count`` counts.

        A ready machine runs, and costs what it costs while it waits: the ledger has it
        as ``(ready)``. It is nobody's, has nothing of any user, and has imported the
        server already (:attr:`preload_server`). Who starts a server of its choice gets
        it, and another takes its place. It is replaced when the image or a setting
        changes, and ends when no Hub has answered it for :attr:`claim_timeout`.

        .. versionadded:: 0.1
        """,
    )

    max_ready_machines = Int(
        20,
        min=0,
        config=True,
        help="""
        How many machines may be ready at the same time, whatever
        :attr:`ready_machines` says.

        They count for :attr:`max_machines`, too, and give way to people: when the hub
        is full they are ended first.

        .. versionadded:: 0.1
        """,
    )

    max_ready_usd_per_hour = Float(
        0.0,
        min=0,
        config=True,
        help="""
        US dollars an hour that all ready machines may cost together; 0 for no limit
        but :attr:`max_ready_machines`.

        With a limit, none is launched whose price nobody knows. Disks are not counted.

        .. versionadded:: 0.1
        """,
    )
