"""Volumes that outlive machines."""
