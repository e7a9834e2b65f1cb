"""Settings of a server's life: who the Hub is to EC2, and how long steps may take."""

from __future__ import annotations

import re
from typing import Any

from traitlets import Enum, Float, HasTraits, List, TraitError, Unicode, validate

_HUB_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class LifecycleSettings(HasTraits):
    """Settings of time and identity."""

    hub_id = Unicode(
        config=True,
        help="""
        The name under which this Hub owns machines: the value of their tag
        ``ec2spawner:hub``.

        Two Hubs in one AWS account must never share one. Default: derived from
        the Hub's cookie secret, so keep that secret when you move the Hub.

        .. versionadded:: 0.1
        """,
    )

    @validate("hub_id")
    def _check_hub_id(self, proposal: Any) -> str:
        value: str = proposal["value"]
        if not _HUB_ID.fullmatch(value):
            raise TraitError(
                f"hub_id is {value!r}: use 1 to 64 letters, digits, '.', '_' and '-'"
            )
        return value

    claim_timeout = Float(
        480.0,
        min=1,
        config=True,
        help="""
        Seconds after its launch within which a machine must claim its orders.

        A machine that has not succeeded by then powers itself off, and no later
        claim is answered.

        .. versionadded:: 0.1
        """,
    )

    stop_timeout = Float(
        60.0,
        min=1,
        config=True,
        help="""
        Seconds to wait for EC2 to confirm that a machine is ending or stopping.

        After that the server counts as stopped, and it is tried again in the
        background until EC2 confirms it.

        .. versionadded:: 0.1
        """,
    )

    on_stop = Enum(
        ["terminate", "stop", "hibernate"],
        default_value="terminate",
        config=True,
        help="""
        What becomes of a machine when its server stops: ``"terminate"`` ends it and
        all that is on its disk, ``"stop"`` keeps it stopped, and ``"hibernate"``
        keeps what is in its memory, too.

        A stopped machine costs its disk only. At the next start it is woken up, in
        less time than a launch takes, in another size if the user chose one, and
        what was installed on it is still there. A fresh machine takes its place
        when its image or another setting that cannot change has changed, or when
        AWS has no capacity to wake it; the old one is terminated then.

        A machine that hibernates goes on with the user's kernels, variables and
        terminals. It keeps its size, and its root volume, which is always encrypted,
        must be larger than its memory. What cannot hibernate is stopped instead.

        Spot machines cannot be stopped and are terminated.

        .. versionadded:: 0.1
        """,
    )

    stopped_ttl = Float(
        7 * 24 * 3600.0,
        min=0,
        config=True,
        help="""
        Seconds for which a machine may be stopped, by :attr:`on_stop`, before it is
        terminated; 0 for as long as it takes. Default: a week.

        A machine hibernates for 60 days at most, as AWS demands.

        .. versionadded:: 0.1
        """,
    )

    hub_silence_limit = Float(
        86400.0,
        min=1,
        config=True,
        help="""
        Seconds for which a machine may live without hearing from the Hub.

        The machine asks the Hub now and then whether it still has a server. When
        it gets no answer for that long, it powers itself off, and EC2 ends it: so
        nothing runs on after a Hub that has gone for good. The default is a day,
        so that no night's maintenance of the Hub ends anybody's work.

        The same time is on the machine's tag ``ec2spawner:lease``, which the Hub
        renews: without a Hub, ``ec2spawner sweep`` ends no machine before it.
        A change reaches the machines that run as soon as the Hub has been
        restarted with it.

        .. versionadded:: 0.1
        """,
    )

    max_lifetime = Float(
        0.0,
        min=0,
        config=True,
        help="""
        Seconds that a machine may run before it powers itself off, whatever its
        server is doing; 0 for no limit.

        The time goes on over reboots, and begins anew when a machine is woken
        after a stop. For example 43200 for twelve hours: the last resort against a
        user who keeps a server busy for ever. The Hub ends a machine that has not
        done so five minutes later.

        .. versionadded:: 0.1
        """,
    )

    sweep_interval = Float(
        120.0,
        min=1,
        config=True,
        help="""
        Seconds between two sweeps for machines of this Hub that no server owns,
        and for volumes, network interfaces and addresses that no machine uses.

        .. versionadded:: 0.1
        """,
    )

    sweep_grace = Float(
        600.0,
        min=1,
        config=True,
        help="""
        Seconds for which every sweep must find that no server owns a machine,
        before the machine is ended.

        A machine with the tag ``ec2spawner:keep`` = ``true`` is never swept. When
        more than three machines, and more than a fifth of all, would be ended at
        once, none is, and the Hub's log says which they are: a new database or a
        changed :attr:`hub_id` is likelier than so many leaks.

        .. versionadded:: 0.1
        """,
    )

    fast_interval = Float(
        0.5,
        min=0.1,
        config=True,
        help="""
        Seconds between two listings of the Hub's machines while any of them is
        starting or ending. All servers share one listing.

        .. versionadded:: 0.1
        """,
    )

    slow_interval = Float(
        15.0,
        min=1,
        config=True,
        help="""
        Seconds between two listings of the Hub's machines while nothing changes.

        A machine that ended by itself is noticed within this time plus the Hub's
        own ``poll_interval``.

        .. versionadded:: 0.1
        """,
    )

    acknowledged = List(
        Unicode(),
        config=True,
        help="""
        The warnings at the Hub's start that you mean, by the name in brackets at their
        end, for example ``["subdomains"]``.

        They are not said again. Default: none.

        .. versionadded:: 0.1
        """,
    )
