"""Settings of the spawn form: what users may choose."""

from __future__ import annotations

from traitlets import Any as AnyType
from traitlets import Callable, Dict, HasTraits, List, Union


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
        - ``allowed_groups``: only members of one of these Hub groups see and may
          use it. Default: everybody
        - ``ec2spawner_override``: a dictionary of EC2Spawner settings; a value
          may be a callable that gets the spawner

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

        Without profiles there is no form, and every server gets the settings as
        they are configured.

        .. versionadded:: 0.1
        """,
    )
