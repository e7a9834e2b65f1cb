"""AWS errors and how the wire shows them."""

from __future__ import annotations

import json
import uuid
from xml.sax.saxutils import escape


class AwsError(Exception):
    """An error answer: AWS's code, the HTTP status, and the message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def request_id() -> str:
    return str(uuid.uuid4())


def render_error(error: AwsError, protocol: str) -> tuple[str, bytes]:
    """(content type, body) of an error in the protocol the client speaks."""
    if protocol == "json":
        body = json.dumps({"__type": error.code, "message": error.message})
        return "application/x-amz-json-1.1", body.encode()
    text = (
        f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    )
    if protocol == "ec2":
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Response><Errors><Error>{text}</Error></Errors>"
            f"<RequestID>{request_id()}</RequestID></Response>"
        )
    else:
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<ErrorResponse><Error><Type>Sender</Type>{text}</Error>"
            f"<RequestId>{request_id()}</RequestId></ErrorResponse>"
        )
    return "text/xml;charset=UTF-8", xml.encode()


def unknown_instances(ids: list[str]) -> AwsError:
    """EC2 does not know these instances."""
    many = len(ids) > 1
    return AwsError(
        "InvalidInstanceID.NotFound",
        f"The instance ID{'s' if many else ''} '{', '.join(ids)}' "
        f"do{'' if many else 'es'} not exist",
    )
