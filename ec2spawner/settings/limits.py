"""Settings that bound what a hub may cost: how many machines, and when to give up."""

from __future__ import annotations

from traitlets import Float, HasTraits, Int


class LimitSettings(HasTraits):
    """Settings of how many machines there may be. They count for the whole hub."""

    max_machines_per_user = Int(
        5,
        min=0,
        config=True,
        help="""
        How many machines one user may have at the same time; 0 for any number.

        Each server, default or named, has a machine of its own. Machines are
        counted as EC2 lists them, together with launches that are on their way:
        one that the Hub has lost counts, and a stopped one, but not for its own server.

        .. versionadded:: 0.1
        """,
    )

    max_machines = Int(
        200,
        min=0,
        config=True,
        help="""
        How many machines this Hub may have at the same time, in all its regions
        together; 0 for any number.

        They are counted as for :attr:`max_machines_per_user`. The default has room for
        a class of 60 who have three servers each; a small hub that sets a smaller one
        bounds what a day can cost.

        .. versionadded:: 0.1
        """,
    )

    max_homes_per_user = Int(
        20,
        min=0,
        config=True,
        help="""
        How many homes one user may have at the same time; 0 for any number.

        With :attr:`home` ``"server"`` each named server has one, which stays when the
        server is deleted, and costs. Homes are counted by the ledger, which may lack
        those of the last minutes: it sees them with each sweep.

        .. versionadded:: 0.1
        """,
    )

    max_launches_per_minute = Int(
        0,
        min=0,
        config=True,
        help="""
        How many launches this Hub may begin within 60 seconds; 0 for any number.

        It is a brake for programs that start servers again and again. A class
        that logs in together needs no limit: launches wait in line at AWS's rate,
        about two a second. For example 120.

        .. versionadded:: 0.1
        """,
    )

    boot_failure_limit = Int(
        5,
        min=0,
        config=True,
        help="""
        How many launches in a row may fail to start a server before the Hub stops
        launching their kind; 0 for any number.

        Launches of one kind have the same image, instance type, ``setup_script``
        and command. Only machines that came and did not serve count, of at least
        two users, within ten minutes, with no good start between them. What may be
        a user's own counts for nothing: a server that fails in a home that was used
        before, or on a machine that was stopped.

        .. versionadded:: 0.1
        """,
    )

    boot_failure_pause = Float(
        300.0,
        min=1,
        config=True,
        help="""
        Seconds for which the Hub launches nothing of a kind that has reached
        :attr:`boot_failure_limit`.

        After that one launch may try, of a user whose launches have not just failed.
        When it fails, the Hub pauses again; when it is good, everybody may launch.

        .. versionadded:: 0.1
        """,
    )
