"""One cell over a kernel's websocket."""

from __future__ import annotations

from uuid import uuid4

import aiohttp


class KernelFailed(Exception):
    """No kernel, or no answer from it."""


async def execute(
    socket: aiohttp.ClientWebSocketResponse, code: str, session: str
) -> str:
    """One execute_request, and the text of what it puts out.

    https://jupyter-client.readthedocs.io/en/stable/messaging.html
    """
    request_id = uuid4().hex
    await socket.send_json(
        {
            "channel": "shell",
            "header": {
                "msg_id": request_id,
                "msg_type": "execute_request",
                "session": session,
                "username": "",
                "version": "5.3",
            },
            "parent_header": {},
            "metadata": {},
            "content": {"code": code, "silent": False, "allow_stdin": False},
        }
    )
    output: list[str] = []
    # The answer and the output come on two channels, in any order.
    missing = {"execute_reply", "idle"}
    async for packet in socket:
        if packet.type is not aiohttp.WSMsgType.TEXT:
            continue
        message = packet.json()
        if message["parent_header"].get("msg_id") != request_id:
            continue
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "stream":
            output.append(content["text"])
        elif kind in ("execute_result", "display_data"):
            output.append(content["data"].get("text/plain", ""))
        elif kind == "error":
            output.append(f"{content['ename']}: {content['evalue']}")
        elif kind == "status":
            missing.discard(content["execution_state"])
        missing.discard(kind)
        if not missing:
            return "".join(output)
    raise KernelFailed(f"the socket closed with code {socket.close_code}")
