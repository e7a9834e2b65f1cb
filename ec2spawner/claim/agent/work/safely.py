"""Folders and files where users could lead root astray, by a link or in a race."""

from __future__ import annotations

import os

from ..words import Failed

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def open_folder(path: str) -> int:
    """A folder, made where it is missing, through no link: whatever is renamed or put
    in its place from now on, this is the one.

    :raises Failed: when its path leads to somewhere else
    """
    fd = os.open("/", _FOLDER)
    for part in filter(None, path.split("/")):
        above = fd
        try:
            fd = _step(part, above)
        except OSError:
            raise Failed("the mount path %s leads to somewhere else" % path)
        finally:
            os.close(above)
    return fd


def _step(part: str, above: int) -> int:
    if part == "..":
        raise OSError
    try:
        os.mkdir(part, 0o755, dir_fd=above)
    except FileExistsError:
        pass
    return os.open(part, _FOLDER, dir_fd=above)


def is_mounted(folder: int) -> bool:
    return os.stat("..", dir_fd=folder).st_dev != os.fstat(folder).st_dev


def name_of(folder: int) -> str:
    """What a command that inherits it calls it. With the dot, as new versions of
    mount(8) follow no link at the end of a path, and this is one."""
    return "/proc/self/fd/%i/." % folder


def leave_word(folder: str, name: str, text: str, uid: int, gid: int) -> None:
    """A new file of the account's in a folder of theirs, whatever was there before."""
    place = os.open(folder, _FOLDER)
    try:
        try:
            os.unlink(name, dir_fd=place)
        except FileNotFoundError:
            pass
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(name, flags, 0o644, dir_fd=place), "w") as file:
            file.write(text)
            os.fchown(file.fileno(), uid, gid)
    finally:
        os.close(place)
