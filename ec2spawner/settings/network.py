"""Settings of the network: where machines are placed and how they reach the Hub."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from traitlets import Bool, Dict, Enum, HasTraits, Integer, List, Unicode


class NetworkSettings(HasTraits):
    """Settings that place a machine in a network."""

    subnets = List(
        Unicode(),
        config=True,
        help="""
        The subnets for machines, in order of preference: ``["subnet-0a…"]``.

        A subnet lies in one zone. When a zone has no capacity for the instance
        type, the next subnet is tried. Default: the region's default VPC, in a
        zone that EC2 picks.

        .. versionadded:: 0.1
        """,
    )

    security_groups = List(
        Unicode(),
        config=True,
        help="""
        The ids of the security groups of machines: ``["sg-0a…"]``.

        They must let the Hub and its proxy reach :attr:`port`, and nothing else
        in. Default: the VPC's default group.

        .. versionadded:: 0.1
        """,
    )

    public_ip = Bool(
        False,
        config=True,
        help="""
        Give machines a public IPv4 address.

        Off by default: the Hub reaches machines by their private address, and
        AWS charges for public ones. Machines in a subnet without a NAT gateway
        need it to reach the internet.

        .. versionadded:: 0.1
        """,
    )

    block_metadata = Bool(
        True,
        config=True,
        help="""
        Close the machine's metadata service to the user's processes.

        The metadata service (``169.254.169.254``) gives whoever asks on the machine
        its user-data and the rights of :attr:`iam_instance_profile`. When closed, it
        answers root and the image's own programs (accounts below 1000) only. The
        agent sees to it before the server starts, tries it out as
        :attr:`user_account`, and refuses to start the server when the image cannot
        do it: it needs ``ip`` (iproute2). Looked at again every minute. At later
        boots it is closed before there is a network, whatever this says, and
        opened when the orders say so.

        Set it to ``False`` when users are meant to use the instance profile, for
        example to read a bucket from a notebook. Machines of the local EC2 that are
        processes have no accounts, and it stays open there.

        .. versionadded:: 0.1
        """,
    )

    claims_as_root = Bool(
        True,
        config=True,
        help="""
        Answer claims only that come from a port below 1024.

        On Linux only root's programs can have one. So nobody who works on a machine
        can claim its orders in the agent's place, for example when it wakes up.

        Set it to ``False`` where something between the machines and the Hub changes
        ports, or where images let every program have low ports
        (``net.ipv4.ip_unprivileged_port_start``). What changes addresses, such as
        NAT, cannot stand there at all. Machines of the local EC2 that are processes
        are not root's, either.

        .. versionadded:: 0.1
        """,
    )

    claim_identity = Enum(
        ["auto", "required", "off"],
        default_value="auto",
        config=True,
        help="""
        Whether a machine must show, when it claims, the identity document that EC2
        signs for each machine: ``"auto"``, ``"required"`` or ``"off"``.

        The document must be signed with the key of the machine's region, and its
        machine, account, region, image and start must be those that EC2 has told the
        Hub. So the orders of a launch go to the machine that EC2 has made for it,
        whoever knows its nonce and has its address.

        ``"auto"`` checks where it can: with ``pip install 'ec2spawner[identity]'``, in
        the regions whose certificate AWS has published (or
        :attr:`identity_certificates` has), and where :attr:`endpoint_url` is AWS's.
        Elsewhere claims are answered without. With ``"required"`` the Hub does not
        start where it could not check, and answers no claim without.

        .. versionadded:: 0.1
        """,
    )

    identity_certificates = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        config=True,
        help="""
        Certificates that :attr:`claim_identity` checks signatures with, in place of
        those that are in this package: region -> PEM.

        For regions that are newer than this package. AWS has them in the EC2 user
        guide, "AWS public certificates for instance identity document signatures"; take
        that under *RSA-2048*. The local EC2 has a key of its own
        (``LocalControl.identity_certificate``). Default: none.

        .. versionadded:: 0.1
        """,
    )

    claim_port = Integer(
        0,
        min=0,
        max=65535,
        config=True,
        help="""
        A port of the Hub's computer on which it answers machines, and nobody else.

        The Hub listens there beside its own port, at the same address, for claims,
        reports and heartbeats. Its own port has none of these routes then, so they
        cannot be reached through the public proxy. Servers go on asking the Hub at its
        own port: machines must reach both. Default: the Hub's own port; with
        ``c.JupyterHub.internal_ssl`` the port after it.

        Change it while no server runs: machines know only the port that they were
        launched with.

        .. versionadded:: 0.1
        """,
    )


def machines_url(hub_url: str, claim_port: int, encrypted: bool) -> str:
    """Where machines find the Hub's API.

    :param hub_url: where servers find it
    :param claim_port: 0 for the same place
    :param encrypted: by ``internal_ssl``
    """
    if not claim_port:
        return hub_url
    parts = urlsplit(hub_url)
    host = parts.hostname or ""
    netloc = f"[{host}]:{claim_port}" if ":" in host else f"{host}:{claim_port}"
    scheme = "https" if encrypted else "http"
    return parts._replace(scheme=scheme, netloc=netloc).geturl()


def is_loopback_url(url: str) -> bool:
    """Whether a URL names this computer itself."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def why_unreachable(hub_url: str, endpoint_url: str) -> str | None:
    """Why a machine could not reach the Hub at ``hub_url``, or None if it may.

    Machines of a local EC2 run on this computer, so they reach its loopback.
    """
    host = urlsplit(hub_url).hostname or ""
    remedy = (
        "Set c.JupyterHub.hub_ip (where the Hub listens) and "
        "c.JupyterHub.hub_connect_ip (or hub_connect_url) to an address of the Hub "
        "that machines can reach, for example its private IP address in the VPC."
    )
    try:
        unspecified = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        unspecified = not host
    if unspecified:
        return (
            f"machines would be told to find the Hub at {hub_url!r}, which is no "
            f"address to connect to. {remedy}"
        )
    if is_loopback_url(hub_url) and not is_loopback_url(endpoint_url):
        return (
            f"machines would be told to find the Hub at {hub_url!r}, which on each "
            f"machine is the machine itself. {remedy}"
        )
    return None
