"""What EC2 tells a machine about itself."""

from __future__ import annotations

import os
import time

from .wire import request
from .words import Failed, say


class Metadata:
    """EC2's instance metadata service, version 2."""

    def __init__(self) -> None:
        base = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        self.base = (base or "http://169.254.169.254").rstrip("/")
        self.token = ""

    def get(self, path: str) -> bytes:
        for attempt in range(60):
            try:
                if not self.token:
                    self.token = self._new_token()
                headers = {"X-aws-ec2-metadata-token": self.token}
                url = self.base + "/latest/" + path
                status, body, _ = request("GET", url, headers=headers, timeout=5)
                if status == 200:
                    return body
                self.token, why = "", "HTTP %i" % status
            except OSError as e:
                why = repr(e)
            if attempt == 5:
                say("the metadata service does not answer yet: " + why)
            time.sleep(1)
        raise Failed("the metadata service does not answer")

    def identity(self) -> str:
        """Who this machine is, signed by EC2; empty where nobody signs that."""
        for _ in range(10):
            try:
                return (self.find("dynamic/instance-identity/rsa2048") or b"").decode()
            except OSError as e:
                why = repr(e)
            time.sleep(1)
        say("no identity document: " + why)
        return ""

    def find(self, path: str) -> bytes | None:
        """What is there now, None when nothing is. Raises OSError, and tries once."""
        if not self.token:
            self.token = self._new_token()
        headers = {"X-aws-ec2-metadata-token": self.token}
        status, body, _ = request(
            "GET", self.base + "/latest/" + path, headers=headers, timeout=5
        )
        if status == 200:
            return body
        if status != 404:
            self.token = ""
            raise OSError("HTTP %i" % status)
        return None

    def _new_token(self) -> str:
        headers = {"X-aws-ec2-metadata-token-ttl-seconds": "3600"}
        url = self.base + "/latest/api/token"
        status, body, _ = request("PUT", url, headers=headers, timeout=5)
        if status != 200:
            raise OSError("no metadata token: HTTP %i" % status)
        return body.decode()
