"""Settings of homes: the volumes that outlive machines."""

from __future__ import annotations

from traitlets import Bool, Enum, HasTraits, Int, Unicode


class HomeSettings(HasTraits):
    """Whether a user's files outlive the machine, and on what."""

    home = Enum(
        ["none", "user", "server"],
        default_value="none",
        config=True,
        help="""
        Who has a home, a volume that outlives the machine: each ``"user"``, each
        ``"server"``, or nobody (``"none"``).

        A home is made at the first start and mounted at the home directory of
        :attr:`user_account`. With ``"user"`` all servers of a user share one, so only
        one of them can run at a time. A home is in one zone, and so are the machines
        of its user from then on, unless :attr:`home_may_move`.

        .. versionadded:: 0.1
        """,
    )

    home_size = Int(
        10,
        min=1,
        max=65_536,
        config=True,
        help="""
        The size of a home in GiB.

        When you raise it, homes grow at their next start. EC2 cannot make a volume
        smaller, so a home that is larger stays as it is.

        .. versionadded:: 0.1
        """,
    )

    home_may_move = Bool(
        False,
        config=True,
        help="""
        Let a home move to another zone when its own has no machine for its user.

        The home's own zone is always tried first. When it is sold out, or has no
        subnet any more, a machine elsewhere is launched, and the home is copied there
        by a snapshot while that machine boots. The old volume is deleted once the new
        one has been mounted. A first snapshot of a large home takes minutes or hours,
        and the user waits for it: a start that runs out of :attr:`start_timeout` goes
        on with the same snapshot at the next click.

        Off, a start fails when the home's zone is sold out, with a sentence that says
        so.

        .. versionadded:: 0.1
        """,
    )

    home_kms_key_id = Unicode(
        config=True,
        help="""
        The KMS key that encrypts new homes: its id, alias or ARN.

        Homes are always encrypted. Default: the key that the account uses for EBS.

        .. versionadded:: 0.1
        """,
    )

    home_seed = Unicode(
        config=True,
        help="""
        A folder of the image whose content every new home begins with, for example
        ``"/opt/welcome"``.

        Default: what the image has in the account's home directory, or what it gives
        to new accounts.

        .. versionadded:: 0.1
        """,
    )

    home_on_delete = Enum(
        ["keep", "snapshot", "delete"],
        default_value="keep",
        config=True,
        help="""
        What becomes of a home when its user or server is deleted: ``"keep"`` it,
        ``"delete"`` it, or make a ``"snapshot"`` of it and then delete it.

        The home of a user goes when the user is deleted, the home of a server
        (:attr:`home` = ``"server"``) also when the named server is. Whoever may delete
        users can then delete their files, and so can a service that deletes idle users
        (``jupyterhub-idle-culler --cull-users``).

        What the Hub cannot delete at once, its sweep deletes. Snapshots stay until
        somebody deletes them.

        .. versionadded:: 0.1
        """,
    )
