"""Where a repository is read from: a folder of this computer, or git."""

from __future__ import annotations

import io
import os
import posixpath
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from .errors import ImageError, Unreadable
from .recipe import KNOWN

# Nobody writes longer ones by hand, and they are read whole.
_LARGEST_FILE = 1_000_000
_MOST_CODE_FILES = 2000
_DEEPEST_ENVIRONMENT = 3
_SKIPPED = {".git", "node_modules", "__pycache__", ".ipynb_checkpoints", ".venv"}
_GIT_SECONDS = 600
# gitremote-helpers(7): others, such as ext::, run programs.
_PROTOCOLS = "https:ssh:git:file"
# Of strangers: no other way, no other host, and nobody's passwords.
_STRANGERS = (
    *("-c", "http.followRedirects=false"),
    *("-c", "credential.helper=", "-c", "http.extraHeader="),
)
_REMOTE = re.compile(r"(https|ssh|git|file)://|[\w.-]+@[\w.-]+:")
_REF = re.compile(r"[\w][\w./+-]*")
_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Source:
    """A repository as it was read."""

    #: what people will call its image, unless they say another name
    name: str
    #: without credentials
    url: str
    #: empty for a folder that git does not know
    commit: str = ""
    #: of the commit, ISO; empty when there is none
    committed: str = ""
    #: files that may say what the image needs: path -> text
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: its Python and notebooks: path -> text
    code: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: the branch or tag that was asked for; empty for the usual one
    ref: str = ""
    #: where its files are, as long as the context
    place: Path = field(default=Path(), repr=False, compare=False)

    @property
    def is_public(self) -> bool:
        """A machine can fetch it by itself."""
        return self.url.startswith(("https://", "http://"))


@contextmanager
def read_source(source: str, ref: str = "", stranger: bool = False) -> Iterator[Source]:
    """Read a repository. The files stay as long as the context.

    :param source: a folder, or the address of a git repository, with ``@ref`` or not
    :param stranger: somebody else has named it: read what everybody may read by https,
        where it says it is, and nothing of this computer
    :raises ImageError: when it cannot be read
    """
    folder = Path(source).expanduser()
    if folder.is_dir() and not stranger:
        if ref:
            raise ImageError(
                f"{source} is a folder, which is read as it is: give no --ref, or give "
                f"file://{folder.absolute()}"
            )
        yield _read(folder, folder.absolute().as_uri(), folder.absolute().name)
        return
    url, at = split_ref(source)
    if not _REMOTE.match(url):
        raise ImageError(
            f"{source!r} is neither a folder nor the address of a git repository: "
            "give one such as https://github.com/OWNER/NAME"
        )
    with tempfile.TemporaryDirectory(prefix="ec2spawner-source-") as place:
        _fetch(url, ref or at, Path(place), stranger)
        found = _read(Path(place), without_credentials(url), name_of(url))
        yield replace(found, ref=ref or at)


def split_ref(source: str) -> tuple[str, str]:
    """``https://…/name@ref`` as the address and the ref."""
    slash = source.rfind("/")
    at = source.rfind("@")
    return (source[:at], source[at + 1 :]) if at > slash > 0 else (source, "")


def without_credentials(url: str) -> str:
    """They must not become a tag."""
    parts = urlsplit(url)
    if not parts.scheme or "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def name_of(url: str) -> str:
    """The last part of an address, as images are called."""
    last = posixpath.basename(url.rstrip("/").removesuffix(".git"))
    return last.rpartition(":")[2]


def as_name(text: str) -> str:
    """A name for images and kernels: lower-case letters, digits and dashes."""
    return _NAME.sub("-", text.lower()).strip("-")[:40] or "image"


def _fetch(url: str, ref: str, place: Path, stranger: bool) -> None:
    """The files of one commit, without its history."""
    if ref and not _REF.fullmatch(ref):
        raise ImageError(f"{ref!r} is no branch, tag or commit: give another after @")
    _git(place, "init", "--quiet", ".")
    words = ("fetch", "--quiet", "--depth=1", "--", url, ref or "HEAD")
    _git(place, *words, stranger=stranger)
    _git(place, "checkout", "--quiet", "--detach", "FETCH_HEAD")


def _git(place: Path, *words: str, stranger: bool = False) -> str:
    environment = {
        **os.environ,
        "GIT_ALLOW_PROTOCOL": "https" if stranger else _PROTOCOLS,
        # It would wait for somebody to type a password.
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    if stranger:
        # curl reads the passwords of ~/.netrc; git's own configuration stays.
        own = str(Path("~/.gitconfig").expanduser())
        environment.setdefault("GIT_CONFIG_GLOBAL", own)
        environment["HOME"] = "/nonexistent"
        # It answers with a password for whoever asks.
        environment |= {"GIT_ASKPASS": "false", "SSH_ASKPASS": "false"}
    options = _STRANGERS if stranger else ()
    command = ["git", "-c", "advice.detachedHead=false", *options, *words]
    try:
        done = subprocess.run(
            command,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_SECONDS,
        )
    except FileNotFoundError as e:
        raise ImageError("git is not installed here: install it") from e
    except subprocess.TimeoutExpired as e:
        raise Unreadable(
            f"git {words[0]} took more than {_GIT_SECONDS} s: clone the repository by "
            "hand, and give the folder"
        ) from e
    if done.returncode:
        said = without_secrets(done.stderr.strip().splitlines()[-1:])
        raise Unreadable(
            f"the repository cannot be read (git {words[0]}: {said}): look at the "
            "address, the ref after @, and whether git may read it from here"
        )
    return done.stdout.strip()


def without_secrets(lines: list[str]) -> str:
    """git repeats addresses in its messages, with what is in them."""
    return re.sub(r"://[^/@\s]+@", "://", " ".join(lines))


def _read(folder: Path, url: str, name: str) -> Source:
    commit = committed = ""
    if (folder / ".git").exists():
        try:
            commit = _git(folder, "rev-parse", "HEAD")
            committed = _git(folder, "show", "--no-patch", "--format=%cI", "HEAD")
            if _git(folder, "status", "--porcelain"):
                commit += "-changed"
        except ImageError:
            pass  # no commit yet
    files, code = _texts(folder)
    return Source(as_name(name), url, commit, committed, files, code, place=folder)


def pack(source: Source) -> bytes:
    """A repository's files, as tar.xz: of what git knows there, if it knows any of it.

    The same files are the same bytes.

    :raises ImageError: for a file that cannot be read
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", preset=9) as archive:
        for below in _own_files(source.place):
            try:
                archive.add(source.place / below, below, filter=_of_nobody)
            except OSError as e:
                raise ImageError(
                    f"{below} cannot be read: {e.strerror}. Mend it, or take it away"
                ) from e
    return packed.getvalue()


def _own_files(folder: Path) -> list[str]:
    if (folder / ".git").exists():
        # Others may be somebody's own, such as passwords.
        listed = _git(folder, "ls-files", "-z").split("\0")
        if known := [n for n in listed if n and os.path.lexists(folder / n)]:
            return sorted(known)
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _SKIPPED)
        found += [(Path(where) / n).relative_to(folder).as_posix() for n in names]
    return sorted(found)


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Neither times nor accounts make a difference."""
    if not (member.isfile() or member.issym()):
        return None
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.mode & 0o100 else 0o644
    return member


def _texts(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    files: dict[str, str] = {}
    code: dict[str, str] = {}
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for name in sorted(names):
            path = Path(where) / name
            below = path.relative_to(folder).as_posix()
            if _is_code(name) and len(code) < _MOST_CODE_FILES:
                code.update(_text(path, below))
            if below.count("/") < _DEEPEST_ENVIRONMENT and _may_count(name):
                files.update(_text(path, below))
    return files, code


def _is_code(name: str) -> bool:
    return name.endswith((".py", ".ipynb"))


def _may_count(name: str) -> bool:
    # Requirements files name others, mostly .txt or .in.
    return name in KNOWN or name.endswith((".txt", ".in"))


def _text(path: Path, below: str) -> dict[str, str]:
    """Nothing for a file that is no text, is too long, or leads elsewhere."""
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST_FILE:
            return {}
        return {below: path.read_text(encoding="utf-8-sig")}
    except (OSError, UnicodeDecodeError):
        return {}
