"""Which security groups there are and who is in them, as the firewall takes it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from ..net.firewall import Group, Interface, Policy, Rule


def policy_of(backend: Any, vpc_id: str) -> Policy:
    """What moto's world says about a VPC now."""
    known = backend.groups[vpc_id]
    groups = {
        group_id: Group(
            _rules(group.ingress_rules, known), _rules(group.egress_rules, known)
        )
        for group_id, group in known.items()
    }
    interfaces = {}
    for nic in backend.enis.values():
        if nic.subnet.vpc_id == vpc_id and nic.private_ip_address:
            interfaces[str(nic.private_ip_address)] = Interface(
                groups=tuple(sorted(group.id for group in nic.group_set)),
                blackhole=_reach(nic.instance),
            )
    return Policy(groups, interfaces)


def joined(policies: Iterable[Policy]) -> Policy:
    """Those of several VPCs that reach each other, as VPCs do that are peered.

    This computer is in all of them, at one address.
    """
    groups: dict[str, Group] = {}
    interfaces: dict[str, Interface] = {}
    for policy in policies:
        groups.update(policy.groups)
        for address, face in policy.interfaces.items():
            known = interfaces.get(address, Interface(()))
            interfaces[address] = Interface(
                groups=known.groups + face.groups,
                blackhole=known.blackhole or face.blackhole,
            )
    return Policy(groups, interfaces)


def _rules(rules: list[Any], groups: dict[str, Any]) -> tuple[Rule, ...]:
    """Without those that nothing here can match: of IPv6, of lists of prefixes."""
    found = []
    for rule in rules:
        peer = rule.source_group.get("GroupId") or rule.cidr_ipv4
        protocol = str(rule.ip_protocol)
        if not (protocol in ("-1", "tcp", "udp", "icmp") or protocol.isdigit()):
            continue
        if peer and "/" in peer:
            peer = str(ipaddress.ip_network(peer, strict=False))
        elif peer not in groups:
            continue
        ports = None
        if rule.from_port is not None and rule.to_port is not None:
            ports = (int(rule.from_port), int(rule.to_port))
        found.append(Rule(protocol, ports, peer))
    return tuple(found)


def _reach(instance: Any) -> str:
    """Of a machine that hibernates nothing is heard, though its processes exist."""
    if getattr(instance, "hibernated", False):
        return "everything"
    return str(getattr(instance, "blackhole", ""))
