"""What a launch tells its machine by way of the user-data. Nothing secret."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from .words import Failed

CONFIG_MARK = "# ec2spawner-config: "
#: a line of the user-data of who makes an image of this machine, or tests one
BUILD_MARK = "# ec2spawner-build"


def script_of(user_data: bytes) -> str:
    """The script in this machine's user-data."""
    if user_data[:2] == b"\x1f\x8b":
        user_data = gzip.decompress(user_data)
    return user_data.decode()


def read_config(script: str) -> dict[str, Any]:
    """The JSON behind CONFIG_MARK in the script."""
    for line in reversed(script.splitlines()):
        if line.startswith(CONFIG_MARK):
            text = base64.b64decode(line[len(CONFIG_MARK) :])
            config: dict[str, Any] = json.loads(text)
            return config
    raise Failed("the user-data of this machine is not ec2spawner's")
