"""Security groups as rules of nftables: text from plain data, no I/O.

A packet between two members of the VPC passes the outgoing rules of its sender's groups
and the incoming rules of its receiver's, one of each is enough. Answers pass, because
connections are followed. What no rule lets through is lost without a word.

https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

#: what a blackhole can take away from a machine: "" for none
BLACKHOLES = ("", "hub", "everything")

#: names of tables; the machines' ports on the bridge begin with this letter
TABLE = "ec2spawner"
PORT_PREFIX = "m"


@dataclass(frozen=True)
class Rule:
    """One line of a security group.

    ``protocol`` is ``-1`` for all, or a name or number of IP. ``ports`` are a range of
    TCP's or UDP's, or type and code of ICMP with -1 for all. ``peer`` is a CIDR or the
    id of a group.
    """

    protocol: str
    ports: tuple[int, int] | None
    peer: str


@dataclass(frozen=True)
class Group:
    """A security group."""

    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Interface:
    """A network interface of the VPC, by its address."""

    groups: tuple[str, ...]
    #: one of `BLACKHOLES`
    blackhole: str = ""


@dataclass(frozen=True)
class Port:
    """Where a machine is plugged in, and who it may say it is."""

    name: str
    mac: str
    address: str


@dataclass(frozen=True)
class Policy:
    """Who may talk to whom in a VPC."""

    #: by id
    groups: Mapping[str, Group] = field(default_factory=dict)
    #: by address
    interfaces: Mapping[str, Interface] = field(default_factory=dict)


def ruleset(policy: Policy, ports: Iterable[Port], hub: str) -> str:
    """Input for ``nft -f``: both tables anew, in one step.

    :param hub: the address of this computer in the VPC
    """
    lines = [*_tables_of_the_vpc(policy, hub), *_tables_of_ports(ports)]
    return "\n".join(lines) + "\n"


def _tables_of_ports(ports: Iterable[Port]) -> list[str]:
    """A machine may only say that it is itself; IPv6 is not there."""
    known = [f'"{p.name}" . {p.mac} . {p.address}' for p in ports]
    chain = [
        "type filter hook prerouting priority -300; policy accept;",
        f'iifname != "{PORT_PREFIX}*" accept',
        "ether type ip iifname . ether saddr . ip saddr @ports accept",
        # DHCP, before the machine knows its address.
        "ether type ip ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept",
        "ether type arp iifname . ether saddr . arp saddr ip @ports accept",
        "drop",
    ]
    return [
        *_fresh("bridge"),
        f"table bridge {TABLE} {{",
        *_elements("set ports", "ifname . ether_addr . ipv4_addr", known),
        *_chain("from_machines", chain),
        "}",
    ]


def _tables_of_the_vpc(policy: Policy, hub: str) -> list[str]:
    faces = policy.interfaces
    lost = [a for a in faces if faces[a].blackhole == "everything"]
    cut = [a for a in faces if faces[a].blackhole == "hub"]
    pairs = [f"{a} . {hub}" for a in cut] + [f"{hub} . {a}" for a in cut]
    members: dict[str, list[str]] = {}
    for address, face in faces.items():
        for group_id in face.groups:
            members.setdefault(group_id, []).append(address)
    chains: dict[str, list[str]] = {
        "forward": [
            "type filter hook forward priority filter; policy drop;",
            "ip saddr @blackhole drop",
            "ip daddr @blackhole drop",
            "ip saddr . ip daddr @cut drop",
            "ct state invalid drop",
            "ct state established,related accept",
            "ip saddr vmap @senders",
        ],
        "allowed_out": ["ip daddr vmap @receivers"],
    }
    for name, group in policy.groups.items():
        out = [_match(r, "daddr", policy) + "goto allowed_out" for r in group.egress]
        chains[f"out_{_name(name)}"] = out
        into = [_match(r, "saddr", policy) + "accept" for r in group.ingress]
        chains[f"in_{_name(name)}"] = into
    for address, face in faces.items():
        known = [_name(each) for each in face.groups if each in policy.groups]
        chains[f"from_{_name(address)}"] = [f"jump out_{each}" for each in known]
        chains[f"to_{_name(address)}"] = [f"jump in_{each}" for each in known]
    senders = [f"{a} : goto from_{_name(a)}" for a in faces]
    receivers = [f"{a} : goto to_{_name(a)}" for a in faces]
    return [
        *_fresh("ip"),
        f"table ip {TABLE} {{",
        # Before they are filled, so that they may name each other.
        *(line for name in chains if name != "forward" for line in _chain(name, [])),
        *_elements("set blackhole", "ipv4_addr", lost),
        *_elements("set cut", "ipv4_addr . ipv4_addr", pairs),
        *(
            line
            for each in policy.groups
            for line in _elements(
                f"set of_{_name(each)}", "ipv4_addr", members.get(each, [])
            )
        ),
        *_elements("map senders", "ipv4_addr : verdict", senders),
        *_elements("map receivers", "ipv4_addr : verdict", receivers),
        *(line for name, rules in chains.items() for line in _chain(name, rules)),
        "}",
    ]


def _match(rule: Rule, side: str, policy: Policy) -> str:
    """What packets a rule lets through; empty for all."""
    found = ""
    if rule.peer in policy.groups:
        found = f"ip {side} @of_{_name(rule.peer)} "
    elif rule.peer != "0.0.0.0/0":
        found = f"ip {side} {rule.peer} "
    if rule.protocol == "-1":
        return found
    if rule.ports is None:
        return found + f"meta l4proto {rule.protocol} "
    first, last = rule.ports
    if rule.protocol in ("tcp", "udp"):
        return found + f"{rule.protocol} dport {first}-{last} "
    if rule.protocol == "icmp" and first >= 0:
        code = f"icmp code {last} " if last >= 0 else ""
        return found + f"icmp type {first} {code}"
    return found + f"meta l4proto {rule.protocol} "


def _fresh(family: str) -> list[str]:
    """A table can only be deleted when it is there."""
    return [f"table {family} {TABLE}", f"delete table {family} {TABLE}"]


def _chain(name: str, rules: list[str]) -> list[str]:
    return [f"chain {name} {{", *rules, "}"]


def _elements(what: str, kind: str, elements: list[str]) -> list[str]:
    listed = [f"elements = {{ {', '.join(elements)} }}"] if elements else []
    return [f"{what} {{", f"type {kind}", *listed, "}"]


def _name(text: str) -> str:
    """As nftables takes it for a name."""
    return text.replace("-", "_").replace(".", "_")
