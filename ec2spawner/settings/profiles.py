"""Settings of the spawn form: what users may choose."""

from __future__ import annotations

from traitlets import Any as AnyType
from traitlets import Callable, Dict, Float, HasTraits, List, Unicode, Union


class ProfileSettings(HasTraits):
    """Settings that say what is on offer."""

    profile_list = Union(
        [List(Dict()), Dict(value_trait=AnyType()), Callable()],
        default_value=[],
        config=True,
        help="""
        The profiles that users choose from on the spawn form.

        A list of dictionaries (or a dictionary of them, taken in the order of
        its keys, or a callable that gets the spawner and returns either, and may
        be async). Each has:

        - ``display_name``: what the user reads (required)
        - ``slug``: the key that form, REST API and database use. Default: made
          from ``display_name``
        - ``description``: a sentence below the name
        - ``default``: True for the one that is chosen at first. Default: the
          first of the list
        - ``allowed_groups``, ``allowed_users``: only members of one of these Hub
          groups, and these users, see and may use it. Default: everybody
        - ``ec2spawner_override``: a dictionary of EC2Spawner settings. A value
          may be a callable that gets the spawner, and may be async. A dictionary
          is merged into the setting's own, at any depth; ``None`` removes a key
        - ``profile_options``: more to choose, a dictionary. Each option has
          ``display_name``, ``description``, ``choices`` and ``unlisted_choice``

        Each of an option's ``choices``, a dictionary, has ``display_name``,
        ``description``, ``default``, ``allowed_groups``, ``allowed_users`` and
        ``ec2spawner_override``. Its override counts more than the profile's, and a
        later option's more than an earlier one's.

        ``unlisted_choice`` lets the user write a value. It has ``enabled``,
        ``display_name``, ``display_name_in_choices``, ``validation_regex`` (which
        must match the whole value), ``validation_message`` and
        ``ec2spawner_override``, in whose texts ``{value}`` is what the user wrote.

        For example::

            c.EC2Spawner.profile_list = [
                {
                    "display_name": "Small",
                    "description": "2 CPUs, 4 GiB of memory",
                    "ec2spawner_override": {"instance_type": "t3.medium"},
                },
                {
                    "display_name": "Large",
                    "description": "8 CPUs, 32 GiB of memory",
                    "ec2spawner_override": {"instance_type": "m7i.2xlarge"},
                    "allowed_groups": ["modellers"],
                },
            ]

        Without profiles the form has only its button, and every server gets the
        settings as they are configured.

        .. versionadded:: 0.1
        """,
    )

    sizes = Union(
        [List(Union([Unicode(), Dict()])), Dict()],
        default_value=[],
        config=True,
        help="""
        The sizes that users choose from: the short way to say what
        :attr:`profile_list` says with ``profile_options``.

        A dictionary of names and instance types, or a list of instance types. CPUs,
        memory, GPU and architecture are EC2's to tell. In place of an instance type
        there may be a dictionary with:

        - ``instance_type``, or ``instance_types`` to try in this order (required)
        - ``display_name``, ``description`` and ``default``, as in a profile
        - ``allowed_groups``, ``allowed_users``: others see it, and cannot choose it
        - ``ask``: whom they may ask, for example an address
        - ``root_volume_size``: in GiB
        - ``ec2spawner_override``: more EC2Spawner settings

        For example::

            c.EC2Spawner.sizes = {
                "Small": "t3.medium",
                "Medium": "m7i.xlarge",
                "Large": {
                    "instance_type": "m7i.4xlarge",
                    "description": "models, big tables",
                    "allowed_groups": ["modellers"],
                    "ask": "ada@lab.edu",
                },
            }

        The option is called ``size`` by REST and in links. With it, or with
        :attr:`images`, there is no :attr:`profile_list`.

        .. versionadded:: 0.1
        """,
    )

    images = Union(
        [List(Union([Unicode(), Dict()])), Dict()],
        default_value=[],
        config=True,
        help="""
        The software that users choose from, a dictionary of names and images.

        In place of an image, as :attr:`image` takes it, there may be a dictionary
        with ``image`` (required), ``image_owners``, ``version``, and what
        :attr:`sizes` has: ``display_name``, ``description``, ``default``,
        ``allowed_groups``, ``allowed_users``, ``ask`` and ``ec2spawner_override``.
        For example::

            c.EC2Spawner.images = {
                "Hydrology": {
                    "image": "ami-0123456789abcdef0",
                    "version": "2026.2",
                    "description": "Python 3.12, DHSVM, xarray, landlab",
                },
                "PyTorch": "ami-0fedcba9876543210",
            }

        The option is called ``image`` by REST and in links. A size that does not fit
        an image, by its processor or its disk, cannot be chosen with it.

        .. versionadded:: 0.1
        """,
    )

    regions = Union(
        [List(Union([Unicode(), Dict()])), Dict()],
        default_value=[],
        config=True,
        help="""
        The regions that users choose from, beside :attr:`sizes` or :attr:`images`.

        A dictionary of names and regions, the first or the ``default`` one at first.
        In place of a region there may be a dictionary with ``region`` (required),
        ``subnets``, ``security_groups``, and what :attr:`sizes` has. Subnets, groups
        and AMI ids are of one region: give each its own, and images by ``name:``.
        A home is in one region, too.

        .. versionadded:: 0.1
        """,
    )

    markets = List(
        Unicode(),
        config=True,
        help="""
        The markets that users choose from, beside :attr:`sizes` or :attr:`images`:
        a list of what :attr:`market` takes, for example ``["on-demand", "spot"]``.

        .. versionadded:: 0.1
        """,
    )

    idle_timeouts = Union(
        [List(Union([Float(), Dict()])), Dict()],
        default_value=[],
        config=True,
        help="""
        After how long without use users may let their server be stopped, beside
        :attr:`sizes` or :attr:`images`.

        A list of seconds, for example ``[1800, 3600, 7200]``, or a dictionary of names
        and seconds; the first or the ``default`` one is chosen at first, and there
        is no way to a longer time than the longest. In place of seconds there may be
        a dictionary with ``idle_timeout`` (required), and what :attr:`sizes` has:
        ``allowed_groups``, for example. Without them there is nothing to choose, and
        :attr:`idle_timeout` counts for all.

        The option is called ``idle`` by REST and in links, and its values are the
        names: ``30-min``, ``1-h`` and ``2-h`` of the list above.

        .. versionadded:: 0.1
        """,
    )

    additional_profile_form_template_paths = List(
        Unicode(),
        config=True,
        help="""
        Folders in which a ``form.html`` may be that takes the place of our form.

        A template gets ``profile_list``, in KubeSpawner's shape and without the
        overrides, and ``user_options``, to preselect what was chosen last; the names
        of its fields are KubeSpawner's. So those that were made for KubeSpawner work.

        .. versionadded:: 0.1
        """,
    )
