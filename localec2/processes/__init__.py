"""Processes of machines, found and ended whatever happens."""
