"""Servers that nobody uses: their users are warned, and they are stopped."""
