"""What ends the making of an image before it costs anything, and in it."""

from __future__ import annotations


class ImageError(Exception):
    """No image can be made. The text says why, and what to do."""


class Unreadable(ImageError):
    """The repository cannot be read, perhaps only now."""
