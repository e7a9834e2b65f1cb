"""A repository's files in the user's home: brought at each start, never overwritten."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from typing import Any, Callable

from ..commands import LOG_LINES
from ..words import say

# What is not there by then comes while the user works.
WAIT_SECONDS = 60
# nbgitpuller's: https://nbgitpuller.readthedocs.io. It keeps what the user has changed,
# brings back what they have deleted, and puts aside what is in the way.
PULLER = "gitpuller"
# What `image build --bake` has put into the image: images/builds/machine/content.py.
BAKED = "/opt/content"
# A commit is no branch, which nbgitpuller wants. It never changes: it is brought once.
_COMMIT = """\
set -e
[ ! -e "$2" ] || exit 0
trap 'rm -rf "$2.new"' EXIT
rm -rf "$2.new"
git init --quiet "$2.new"
git -C "$2.new" fetch --quiet --depth=1 -- "$0" "$1"
git -C "$2.new" checkout --quiet --detach FETCH_HEAD
git -C "$2.new" remote add origin "$0"
mv -T "$2.new" "$2"
"""


def bring(
    content: dict[str, str],
    path: str,
    home: str,
    as_user: Callable[[list[str]], list[str]],
    tell: Callable[..., None],
) -> None:
    """Bring the files, or say why there is nothing new. The server starts in any case.

    :param content: url (empty for what is baked into the image, if anything is), ref
        (empty for the usual branch) and folder, below the home
    :param path: where programs are looked for
    :param as_user: makes a command one of the user's account
    """
    baked = _baked()
    url, ref, folder = content["url"], content["ref"], content["folder"]
    if not url:
        if not baked:
            return
        url, ref, folder = baked["url"], baked["ref"], baked["folder"]
    command = _command(url, ref, os.path.join(home, folder), path)
    if not command:
        why = "this image has no nbgitpuller"
        return _tell_failure(url, why, "", tell)
    tell("setup", "bringing the files of " + url)
    env = {
        **os.environ,
        **{"PATH": path, "HOME": home, "GIT_TERMINAL_PROMPT": "0"},
    }
    if baked.get("url") == url and ref in ("", baked["branch"], baked["commit"]):
        # It stays the origin, and git reads the image's copy (git-config(1)).
        env["GIT_CONFIG_COUNT"] = "1"
        env["GIT_CONFIG_KEY_0"] = "url.file://%s/repository.git.insteadOf" % BAKED
        env["GIT_CONFIG_VALUE_0"] = url
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log}
        options.update(stderr=log, env=env, cwd=home, start_new_session=True)
        try:
            process = subprocess.Popen(as_user(command), **options)
            code = process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            tell("setup", "the files of %s come while you work" % url)
            return
        except OSError as e:
            return _tell_failure(url, str(e), "", tell)
        log.seek(0)
        lines = log.read().splitlines()[-LOG_LINES:]
    if code:
        said = [line for line in lines if line.startswith(("fatal:", "error:"))]
        why = (said or lines or ["it says nothing"])[-1]
        _tell_failure(url, why, "\n".join(lines), tell)


def _baked() -> dict[str, str]:
    """What the image has of which repository: url, ref, folder, branch, commit."""
    try:
        with open(os.path.join(BAKED, "baked.json")) as file:
            found: dict[str, str] = json.load(file)
    except (OSError, ValueError):
        return {}
    return found


def _command(url: str, ref: str, place: str, path: str) -> list[str]:
    """What brings them; empty when the image lacks it."""
    if len(ref) == 40 and not ref.strip("0123456789abcdef"):
        return ["sh", "-c", _COMMIT, url, ref, place]
    puller = shutil.which(PULLER, path=path)
    return [puller, url, ref, place] if puller else []


def _tell_failure(url: str, why: str, log: str, tell: Callable[..., None]) -> None:
    text = "the files of %s could not be brought, and are as they were: %s" % (url, why)
    say(text)
    tell("setup", text)
    # For the Hub's log.
    tell("warning", text, log)
