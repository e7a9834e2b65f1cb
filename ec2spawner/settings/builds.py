"""Settings of images that a hub builds while a server starts, from a repository."""

from __future__ import annotations

from traitlets import Bool, Float, HasTraits, Int, List, Unicode


class BuildSettings(HasTraits):
    """Settings of builds. Off unless ``build_sources`` names something."""

    repository = Unicode(
        config=True,
        help="""
        A git repository whose packages servers have as a kernel:
        ``https://HOST/OWNER/NAME``, with ``@`` and a branch, tag or commit or not.

        A start builds the image that it asks for, beginning with :attr:`image`, or
        takes the one that there is. It must be one of :attr:`build_sources`, whoever
        has written it: the admin here, in :attr:`images` or a profile, or a user on
        the form. Default: none.

        .. versionadded:: 0.1
        """,
    )

    build_sources = List(
        Unicode(),
        config=True,
        help="""
        The git repositories that users may have images built from; empty for none.

        Addresses, in which ``*`` stands for any name, never for a slash, for example
        ``["https://github.com/our-lab/*"]``. Only https is taken, without user and
        password, and git follows no redirect. With a ``*`` in one of them the form
        offers "From a repository" beside :attr:`images`; a :attr:`profile_list` may
        do so by an ``unlisted_choice`` that sets :attr:`repository`.

        The Hub's computer needs git and ``pip install 'ec2spawner[image]'``. It reads
        what packages a repository asks for, and runs nothing of it: that is done on a
        builder, a machine of its own without rights.

        .. versionadded:: 0.1
        """,
    )

    build_allowed_groups = List(
        Unicode(),
        config=True,
        help="""
        The groups whose members may have images built; empty for everybody.

        .. versionadded:: 0.1
        """,
    )

    build_source_packages = Bool(
        False,
        config=True,
        help="""
        Whether the Hub's computer may run the build programs of packages that have no
        wheel, to learn what they need.

        They are code of whoever has published the package. Without, a repository that
        asks for such a package is refused; ``ec2spawner image build`` on a computer
        of yours makes its image, and :attr:`images` offers it.

        .. versionadded:: 0.1
        """,
    )

    build_instance_type = Unicode(
        "t3.large",
        config=True,
        help="""
        The EC2 instance type of builders, of the Nitro generation (``t3``, ``m5`` and
        later).

        It must have the architecture of :attr:`image`: for one of arm64 for example
        ``t4g.large``.

        .. versionadded:: 0.1
        """,
    )

    build_public_ip = Bool(
        False,
        config=True,
        help="""
        Whether builders have a public address, whatever machines of users have.

        Without a NAT gateway they reach no package index otherwise.

        .. versionadded:: 0.1
        """,
    )

    build_timeout = Float(
        1800.0,
        min=60,
        config=True,
        help="""
        Seconds for which a start waits for its image, before ``start_timeout`` counts.

        A build that takes longer goes on, and the next start takes its image.

        .. versionadded:: 0.1
        """,
    )

    max_builds = Int(
        2,
        min=1,
        config=True,
        help="""
        How many images this hub may build at the same time, in all its regions
        together.

        Others wait in line. Who asks for one that is being built, or waits already,
        waits for it with the others.

        .. versionadded:: 0.1
        """,
    )

    max_builds_per_user_per_day = Int(
        5,
        min=0,
        config=True,
        help="""
        How many builds one user may begin within 24 hours; 0 for any number.

        An image that there is, or that is being built, is no build. What builders
        cost is on the ledger of who asked for them first.

        .. versionadded:: 0.1
        """,
    )
