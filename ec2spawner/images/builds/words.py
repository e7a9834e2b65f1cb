"""What a build says of itself, for people. Pure."""

from __future__ import annotations

from .follow import Event

_STEPS = {
    "launch": "asking EC2 for a machine",
    "begin": "the machine has booted",
    "uv": "fetching uv",
    "apt": "installing system packages",
    "server": "looking for the server",
    "python": "getting Python",
    "install": "installing packages",
    "content": "seeing to the repository's files",
    "postBuild": "running postBuild",
    "kernel": "making the kernel",
    "test": "testing",
    "copy": "copying the disk",
    "scan": "removing what is somebody's own, and looking for secrets",
    "clean": "cleaning up",
    "wipe": "overwriting what was deleted",
    "start": "starting the server and its kernels",
    "verdict": "writing down how it went",
    "stop": "stopping the builder",
    "image": "saving its disk as an image",
}


def words_of(event: Event) -> str:
    """One line."""
    if event.word == "missing":
        module, _, where = event.text.partition(" ")
        return (
            f"warning: {where} imports {module}, which no file asks for: add its "
            "package to requirements.txt"
        )
    if event.word == "broken":
        package, _, why = event.text.partition(" ")
        return f"{package} cannot be imported: {why}"
    if event.word == "secret":
        return f"this looks like a secret: {event.text}"
    if event.word == "secrets":
        return f"{event.text} places look like secrets"
    if event.word == "log":
        return f"| {event.text}"
    text = _STEPS.get(event.word, event.text)
    return text if event.word in _STEPS or not event.text else event.text
