"""Settings of the machine itself: where, what, how big, and who works on it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from string import Formatter
from typing import Any

from traitlets import (
    Bool,
    Dict,
    Enum,
    HasTraits,
    Int,
    List,
    TraitError,
    Unicode,
    default,
    validate,
)

_ACCOUNT_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")
# login.defs(5): UID_MIN and UID_MAX.
_FIRST_UID, _LAST_UID = 1000, 60000
_TAGS_OF_OURS = 6
_TAGS_OF_ADMINS = 50 - _TAGS_OF_OURS


class MachineSettings(HasTraits):
    """Settings that describe the machine a user gets."""

    region = Unicode(
        config=True,
        help="""
        The AWS region in which machines run, for example ``us-west-2``.

        Default: the environment's ``AWS_REGION`` or ``AWS_DEFAULT_REGION``.

        .. versionadded:: 0.1
        """,
    )

    @default("region")
    def _region_from_environment(self) -> str:
        return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "")

    endpoint_url = Unicode(
        config=True,
        help="""
        The URL of the EC2 API, when it is not AWS's own for the region.

        Set it for a VPC endpoint, or for the local EC2 that
        ``python -m localec2`` serves. It is for EC2 alone: where images are given as
        ``ssm:/…`` and the Hub cannot reach AWS's own SSM, the environment variable
        ``AWS_ENDPOINT_URL_SSM`` has its URL.

        .. versionadded:: 0.1
        """,
    )

    image = Unicode(
        config=True,
        help="""
        The image (AMI) that machines are made from.

        One of:

        - an AMI id: ``ami-0123456789abcdef0``
        - an SSM parameter that holds one, as the makers of distributions publish:
          ``ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id``
        - a name pattern, of which the newest available image is taken:
          ``name:hydrology-jupyter-*``. It needs :attr:`image_owners`, because
          anyone can publish an image under any name.
        - an image that ``ec2spawner image build`` has made for this hub, of which
          the newest in the machine's region is taken: ``repo:dhsvm-opt``

        The image needs cloud-init, systemd, Python 3.8 or newer and
        ``jupyterhub-singleuser`` of the Hub's major version. Any processor
        architecture will do, as long as :attr:`instance_type` has the same.

        .. versionadded:: 0.1
        """,
    )

    image_owners = List(
        Unicode(),
        config=True,
        help="""
        The AWS account ids (or ``self``, ``amazon``) whose images a ``name:``
        pattern in :attr:`image` may match.

        .. versionadded:: 0.1
        """,
    )

    instance_type = Unicode(
        "t3.medium",
        config=True,
        help="""
        The EC2 instance type of machines, for example ``m7i.xlarge``.

        Users choose among the types that :attr:`profile_list` offers; nothing
        they send is ever used as an instance type. With :attr:`instance_types`
        this one counts no more.

        .. versionadded:: 0.1
        """,
    )

    instance_types = List(
        Unicode(),
        config=True,
        help="""
        The EC2 instance types to try, in order of preference, for example
        ``["m7i.xlarge", "m6i.xlarge", "m5.xlarge"]``.

        The first is tried in every one of :attr:`subnets`, then the next. Types
        whose processors cannot run the image are left out. When it is set,
        :attr:`instance_type` counts no more; but a profile that overrides
        :attr:`instance_type`, and not this, gets that one type. Default: only
        :attr:`instance_type`.

        .. versionadded:: 0.1
        """,
    )

    market = Enum(
        ["on-demand", "spot", "spot-then-on-demand"],
        "on-demand",
        config=True,
        help="""
        The market that machines come from: ``on-demand``, ``spot`` or
        ``spot-then-on-demand``.

        Spot machines cost less, and AWS may take one back at any time, two
        minutes after a notice. ``spot-then-on-demand`` tries every type and
        subnet for a spot machine before it asks for one that costs more.

        .. versionadded:: 0.1
        """,
    )

    @property
    def types(self) -> list[str]:
        """The instance types to try, in order of preference."""
        return list(dict.fromkeys(self.instance_types)) or [self.instance_type]

    key_name = Unicode(
        config=True,
        help="""
        The name of an EC2 key pair whose owner may log in by ssh as the image's
        own administrator. Default: none.

        The spawner itself never uses ssh.

        .. versionadded:: 0.1
        """,
    )

    iam_instance_profile = Unicode(
        config=True,
        help="""
        The name or ARN of the IAM instance profile of machines. Default: none.

        Root on the machine can act with the rights of this profile, and with
        :attr:`block_metadata` off so can the user's code. Never use the Hub's own.

        .. versionadded:: 0.1
        """,
    )

    root_volume_size = Int(
        0,
        min=0,
        config=True,
        help="""
        The size of the root volume, in GiB. 0 means the image's own size.

        .. versionadded:: 0.1
        """,
    )

    root_volume_encrypted = Bool(
        True,
        config=True,
        help="""
        Encrypt the root volume, with the account's default key for EBS.

        .. versionadded:: 0.1
        """,
    )

    tags = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        config=True,
        help="""
        Tags for every resource that a launch creates, for example the cost
        centre or the award that pays: ``{"award": "NSF-1234567"}``.

        Values may contain ``{username}`` and ``{servername}``. Characters that
        EC2 does not allow in tags are replaced by ``_``. Keys must not start
        with ``aws:`` or ``ec2spawner:``.

        .. versionadded:: 0.1
        """,
    )

    user_account = Unicode(
        "jovyan",
        config=True,
        help="""
        The name of the unprivileged account on the machine that runs the server.

        It is made at boot when the image does not have it.

        .. versionadded:: 0.1
        """,
    )

    user_uid = Int(
        0,
        config=True,
        help="""
        The number (UID) that :attr:`user_account` gets when it is made at boot.

        ``0``: that of the files in the user's home, else the next that is free. An
        account that is part of the image keeps its own. Where it is another than
        that of the files in the home, all of them are given to the account, which
        takes a while when there are many, and is shown as progress.

        .. versionadded:: 0.1
        """,
    )

    setup_script = Unicode(
        config=True,
        help="""
        A script that runs on the machine as root before the server starts.

        It starts with ``#!``. What it prints reaches the progress page line by
        line; when it fails, so does the start, with its last lines as reason.
        It travels with the machine's orders, so it is never part of user-data.

        .. versionadded:: 0.1
        """,
    )

    server_path = List(
        Unicode(),
        default_value=["/opt/jupyter/bin", "/opt/conda/bin", "/opt/tljh/user/bin"],
        config=True,
        help="""
        Directories on the machine in which the command of :attr:`cmd` is looked
        for, before those of the machine's own ``PATH``.

        They come first in the ``PATH`` of the server, too.

        .. versionadded:: 0.1
        """,
    )

    preload_server = Bool(
        True,
        config=True,
        help="""
        Import the server while its machine waits for what it is to do.

        Importing is most of the time that JupyterLab takes to start. So a process of
        :attr:`user_account` does it as soon as the machine is up, and becomes the
        server. A plain start takes its place where that could make a difference: with
        a :attr:`setup_script`, another ``cmd`` than ``jupyterhub-singleuser`` or
        ``jupyter-labhub``, or packages that the account has in ``~/.local``. It
        needs about 100 MB of the machine's memory a little earlier than otherwise.

        .. versionadded:: 0.1
        """,
    )

    @validate("instance_type")
    def _check_type(self, proposal: Any) -> str:
        return _checked_type("instance_type", proposal["value"])

    @validate("instance_types")
    def _check_types(self, proposal: Any) -> list[str]:
        return [_checked_type("instance_types", each) for each in proposal["value"]]

    @validate("user_account")
    def _check_account(self, proposal: Any) -> str:
        name: str = proposal["value"]
        if not _ACCOUNT_NAME.fullmatch(name) or name == "root":
            raise TraitError(
                f"user_account is {name!r}: it must be the name of an ordinary Linux "
                "account (lower-case letters, digits, '_' and '-', at most 32), "
                "and not root"
            )
        return name

    @validate("user_uid")
    def _check_uid(self, proposal: Any) -> int:
        uid: int = proposal["value"]
        if uid and not _FIRST_UID <= uid <= _LAST_UID:
            raise TraitError(
                f"user_uid is {uid}: it must be 0, or a number for an ordinary "
                f"account, from {_FIRST_UID} to {_LAST_UID}"
            )
        return uid

    @validate("setup_script")
    def _check_setup_script(self, proposal: Any) -> str:
        script: str = proposal["value"]
        if script and not script.startswith("#!"):
            raise TraitError(
                "setup_script must start with '#!' and the program that runs it, "
                "for example '#!/bin/bash'"
            )
        return script

    @validate("tags")
    def _check_tags(self, proposal: Any) -> dict[str, str]:
        tags: dict[str, str] = proposal["value"]
        if len(tags) > _TAGS_OF_ADMINS:
            raise TraitError(
                f"there are {len(tags)} tags: EC2 takes 50 on a resource, and "
                f"{_TAGS_OF_OURS} are ec2spawner's own"
            )
        for key, value in tags.items():
            if key.lower().startswith(("aws:", "ec2spawner:")):
                raise TraitError(f"tag {key!r}: this prefix is reserved")
            if not 1 <= len(key) <= 128:
                raise TraitError(f"tag {key!r}: a key has 1 to 128 characters")
            if not _uses_only_names(value):
                raise TraitError(
                    f"tag {key!r}: {value!r} may only use {{username}} and "
                    "{servername}; write {{ and }} for braces"
                )
        return tags


def _checked_type(setting: str, value: str) -> str:
    if not _INSTANCE_TYPE.fullmatch(value):
        raise TraitError(
            f"{setting} has {value!r}, which is no instance type: write a family and "
            "a size, for example 'm7i.xlarge'"
        )
    return value


def _uses_only_names(template: str) -> bool:
    """Whether a tag's value is plain text with at most the two names in it."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        return False
    return all(
        field in (None, "username", "servername") and not spec and not conversion
        for _, field, spec, conversion in parts
    )


_IMAGE = re.compile(r"ami-.*|(ssm|name|repo):.+", re.DOTALL)


def image_mistake(image: str, owners: Sequence[str]) -> str | None:
    """What is wrong with an image before anybody is asked for it; None for nothing."""
    if not _IMAGE.fullmatch(image):
        return (
            f"image is {image!r}: set it to 'ami-...', 'ssm:/path/of/parameter', "
            "'name:pattern' or 'repo:name'"
        )
    if image.startswith("name:") and not owners:
        return (
            f"image is {image!r} but image_owners is empty: anyone can publish an "
            "image under any name, so say whose you mean"
        )
    return None
