"""Addresses, networks and firewalls of machines that boot."""
