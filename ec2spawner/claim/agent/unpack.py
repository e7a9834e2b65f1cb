#!/usr/bin/env python3
"""What claims, in the user-data: this file, then the agent's others as comments.

As the script that a machine runs at its first boot it writes the agent to one file
that Python runs, and starts it. At later boots nothing runs it; the agent itself looks
whether the user-data has brought a newer one (`refresh`).
"""

from __future__ import annotations

import io
import os
import sys
import zipfile

FILE_MARK = "# ec2spawner-file: "
# As a comment no file can become part of this one, whatever is in it.
LINE_MARK = "#|"
INSTALLED = "/var/lib/ec2spawner/agent.pyz"
# Of the standard library nothing is missed without site's search for more.
PYTHON = [sys.executable, "-I", "-S"]
_RUN = "from %s import main\n\nmain()\n"


def as_comments(files: dict[str, str]) -> str:
    """Name -> text of each file of the agent, as `archive` reads them back."""
    lines = []
    for name, text in files.items():
        lines.append(FILE_MARK + name)
        lines += [LINE_MARK + line for line in text.split("\n")]
    return "\n".join(lines) + "\n"


def archive(script: str) -> bytes:
    """The agent's files in ``script`` as a zip that Python can run.

    Agents of before unpack later ones, on machines that were stopped meanwhile: how
    files are marked, and that ``main.py`` is run, stays as it is.
    """
    # What comes before the marks is this very file.
    name = "unpack.py"
    files: dict[str, list[str]] = {name: []}
    for line in script.split("\n"):
        if line.startswith(FILE_MARK):
            name = line[len(FILE_MARK) :]
            files[name] = []
        elif line.startswith(LINE_MARK):
            files[name].append(line[len(LINE_MARK) :])
        elif name == "unpack.py":
            files[name].append(line)
    return pack({name: "\n".join(lines) for name, lines in files.items()})


def pack(files: dict[str, str], main: str = "agent.main") -> bytes:
    """A zip that Python can run, of the agent's files, name -> text.

    The same files always make the same bytes.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr(zipfile.ZipInfo("__main__.py"), _RUN % main)
        for name, text in files.items():
            made.writestr(zipfile.ZipInfo("agent/" + name), text)
    return packed.getvalue()


def write_if_other(path: str, content: bytes) -> bool:
    """Put it there, all of it or nothing: the machine may lose its power at any moment.

    False when it is there already.
    """
    try:
        with open(path, "rb") as file:
            if file.read() == content:
                return False
    except FileNotFoundError:
        pass
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path + ".new", "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)
    return True


def refresh(path: str, script: str) -> bool:
    """Put the agent of ``script`` at ``path``; False when it is there already."""
    return write_if_other(path, archive(script))


def main() -> None:
    with open(__file__, encoding="utf-8") as file:
        script = file.read()
    under_systemd = os.path.isdir("/run/systemd/system")
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "agent.pyz")
    path, order = (INSTALLED, "install") if under_systemd else (here, "run")
    refresh(path, script)
    os.execv(PYTHON[0], [*PYTHON, path, order])


if __name__ == "__main__":
    main()
