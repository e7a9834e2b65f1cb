"""The repository's files on the machine: kept in the image, or for postBuild only."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import tarfile

from .commands import ACCOUNT, HERE, Machine

# The agent looks for them here, too: claim/agent/work/content.py.
BAKED = "/opt/content"
REPOSITORY = BAKED + "/repository.git"
_CODE = HERE + "/home/code"
# The same files are the same commit.
_WHO = ("-c", "user.name=ec2spawner", "-c", "user.email=ec2spawner@localhost")
_WHEN = "2000-01-01T00:00:00Z"


def bake(machine: Machine) -> str:
    """Keep the repository in the image: a start needs no network for it then."""
    asked = machine.plan["bake"]
    if not asked:
        return "they come at each start"
    made = HERE + "/home/repository.git"
    machine.run("git", "init", "--quiet", "--bare", made)
    if asked["packed"]:
        _unpack(machine, base64.b64decode(asked["packed"]))
        branch, place, wanted = "main", "file://" + _CODE, "HEAD"
    else:
        source = machine.plan["source"]
        branch = asked["ref"] if not _is_commit(asked["ref"]) else ""
        branch = branch or _usual_branch(machine, source["url"])
        place, wanted = source["url"], source["commit"]
    git = ("git", "-C", made)
    # Whole: what is shallow here could not be merged into what users have of before.
    machine.run(*git, "fetch", "--quiet", "--", place, wanted)
    machine.run(*git, "update-ref", "refs/heads/" + branch, "FETCH_HEAD")
    machine.run(*git, "symbolic-ref", "HEAD", "refs/heads/" + branch)
    commit = machine.run(*git, "rev-parse", "HEAD").strip()
    shutil.rmtree(BAKED, ignore_errors=True)
    os.makedirs(BAKED)
    shutil.move(made, REPOSITORY)
    machine.give(BAKED, "root")
    # It is root's, and users read it (git-config(1), safe.directory).
    known = ("git", "config", "--system", "--add", "safe.directory", REPOSITORY)
    machine.run(*known, root=True)
    note = {"url": asked["url"], "branch": branch, "commit": commit}
    # A folder has no history: it is brought once, as a commit is.
    note["ref"] = commit if asked["packed"] else branch
    folder = os.path.basename(asked["url"])
    note["folder"] = machine.plan["name"] if asked["packed"] else folder
    with open(BAKED + "/baked.json", "w") as file:
        json.dump(note, file)
    return "commit %s is in the image" % commit[:12]


def _is_commit(ref: str) -> bool:
    return len(ref) == 40 and not ref.strip("0123456789abcdef")


def _usual_branch(machine: Machine, url: str) -> str:
    said = machine.run("git", "ls-remote", "--symref", "--", url, "HEAD")
    for line in said.splitlines():
        if line.startswith("ref: refs/heads/"):
            return line.split()[1][len("refs/heads/") :]
    return "main"


def _unpack(machine: Machine, packed: bytes) -> None:
    """Files that have come with the plan, as one commit."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(_CODE)
    machine.give(_CODE, ACCOUNT)
    git = ("git", "-C", _CODE)
    machine.run(*git, "init", "--quiet", ".")
    machine.run(*git, "add", "--all", "--force")
    when = ("GIT_AUTHOR_DATE=" + _WHEN, "GIT_COMMITTER_DATE=" + _WHEN)
    commit = ("commit", "--quiet", "--allow-empty", "--message=as it was built")
    machine.run("env", *when, *git, *_WHO, *commit)


def post_build(machine: Machine) -> str:
    if not machine.plan["post_build"]:
        return "none"
    if not os.path.exists(_CODE):
        _fetch(machine)
    path = _CODE + "/.ec2spawner-post-build"
    with open(path, "w") as file:
        file.write(machine.plan["post_build"])
    os.chmod(path, 0o755)
    path_of = "PATH=%s/bin:%s" % (machine.env, os.environ.get("PATH", os.defpath))
    inside = 'cd "$0" && exec ./.ec2spawner-post-build'
    machine.run("env", path_of, "VIRTUAL_ENV=" + machine.env, "sh", "-c", inside, _CODE)
    return ""


def _fetch(machine: Machine) -> None:
    git = ("git", "-C", _CODE)
    machine.run("git", "init", "--quiet", _CODE)
    commit = machine.plan["source"]["commit"] or "HEAD"
    source = machine.plan["source"]["url"]
    machine.run(*git, "fetch", "--quiet", "--depth=1", "--", source, commit)
    machine.run(*git, "checkout", "--quiet", "--detach", "FETCH_HEAD")
