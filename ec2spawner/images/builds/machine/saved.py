"""What must not be in an image of somebody's machine: what is theirs, or secret."""

from __future__ import annotations

import errno
import glob
import json
import os
import pwd
import subprocess
import sys

from .clean import clear, remove
from .commands import HERE, UV, Machine

# login.defs(5): UID_MIN and UID_MAX.
_FIRST_UID, _LAST_UID = 1000, 60000
_OWN = (
    # They hold what was in memory: tokens, too.
    *("/var/crash/*", "/var/lib/systemd/coredump/*", "/swap-hibinit", "/swap*"),
    *("/var/spool/cron/*/*", "/var/spool/cron/*", "/var/mail/*", "/var/spool/mail/*"),
    # Passwords of before.
    *("/etc/passwd-", "/etc/shadow-", "/etc/gshadow-", "/var/backups/*"),
    *(
        home + "/" + name
        for home in ("/root", "/home/*")
        for name in (
            *(".*_history", ".*hist", ".ssh", ".gnupg", ".docker", ".mozilla"),
            *(".netrc", ".pgpass", ".my.cnf", ".pypirc", ".npmrc", ".condarc", ".env"),
            *(".Renviron", ".Rhistory", ".azure", ".terraform.d", ".local/share/*"),
        )
    ),
)
# Run where detect-secrets is. What packages bring is not looked through: it is theirs.
# Types and places are told, never values.
SCAN = """\
import json, os, sys
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings
root, born, ours = sys.argv[1], float(sys.argv[2]), sys.argv[3]
whole = ("proc sys dev run tmp boot bin sbin lib lib32 lib64 usr/bin usr/sbin "
         "usr/lib usr/lib32 usr/lib64 usr/libexec usr/include usr/share usr/src "
         "var/lib/dpkg var/lib/apt var/lib/rpm var/cache var/log snap etc/ssl "
         "etc/pki etc/ca-certificates").split()
skip = {os.path.join(root, each) for each in whole} | {ours}
names = {"site-packages", "dist-packages", "node_modules", "pkgs", "conda-meta", ".git"}
found, device = [], os.lstat(root).st_dev
with default_settings():
    for where, folders, files in os.walk(root):
        paths = {name: os.path.join(where, name) for name in folders}
        folders[:] = sorted(n for n, path in paths.items() if path not in skip and
            n not in names and os.lstat(path).st_dev == device)
        for name in sorted(files):
            path = os.path.join(where, name)
            try:
                seen = os.lstat(path)
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                if seen.st_size >= 1000000 or seen.st_ctime < born:
                    continue
                for secret in scan_file(path):
                    found.append("%s:%d %s" % (path, secret.line_number, secret.type))
            except Exception as e:
                found.append("%s:0 cannot be read: %s" % (path, type(e).__name__))
print(json.dumps(found))
"""
_MOST_TOLD = 20


def scan(machine: Machine) -> str:
    """Remove what is somebody's own, and look for secrets in what is left."""
    forget(machine)
    clear(machine)
    tool = HERE + "/scan"
    machine.run(UV, "venv", "--python", sys.executable, tool, root=True)
    machine.run(*machine.pip("install", tool), machine.plan["scanner"], root=True)
    words = (tool + "/bin/python", "-c", SCAN, "/", str(machine.plan["born"]), HERE)
    found = json.loads(machine.run(*words, root=True).strip().splitlines()[-1])
    for each in found[:_MOST_TOLD]:
        machine.say("secret", each)
    # The one who follows writes it into the image's tag.
    machine.say("secrets", str(len(found)))
    return ""


def forget(machine: Machine) -> None:
    """What is somebody's own. A home on the machine's disk goes, but for its start."""
    subprocess.call(["swapoff", "-a"])
    for pattern in _OWN:
        for path in glob.glob(pattern):
            remove(path)
    for account in pwd.getpwall():
        human = _FIRST_UID <= account.pw_uid <= _LAST_UID
        if not human and account.pw_uid != 0:
            continue
        subprocess.call(["usermod", "--password", "*", account.pw_name])
        remove("/etc/shadow-")
        if human and machine.plan["homes"] and os.path.isdir(account.pw_dir):
            _begin_anew(account.pw_dir, account.pw_uid, account.pw_gid)


def _begin_anew(home: str, uid: int, gid: int) -> None:
    """As useradd(8) makes it."""
    for name in os.listdir(home):
        remove(os.path.join(home, name))
    if os.path.isdir("/etc/skel"):
        subprocess.call(["cp", "-a", "/etc/skel/.", home])
    subprocess.call(["chown", "-R", "-h", "%d:%d" % (uid, gid), home])


def wipe(machine: Machine) -> str:
    """What was deleted is still in the free blocks of a disk, and so in its image."""
    try:
        free = os.statvfs("/")
        own = is_own_disk(open("/proc/mounts").read(), machine.plan["disk"], free)
    except OSError:
        own = False
    if not own:
        return "the free space was left alone: this is no disk of this machine's own"
    path = "/.ec2spawner-zeros"
    try:
        with open(path, "wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
    except OSError as e:
        if e.errno != errno.ENOSPC:
            raise
    finally:
        os.sync()
        remove(path)
        os.sync()
    return ""


def is_own_disk(mounts: str, size: int, free: os.statvfs_result) -> bool:
    """Whether the root file system is on the volume, and on nothing larger.

    :param mounts: /proc/mounts
    :param size: of the volume, GiB
    """
    roots = [line.split() for line in mounts.splitlines() if line.split()[1] == "/"]
    device, _, kind = roots[-1][:3]
    fits = free.f_blocks * free.f_frsize <= size << 30
    return device.startswith("/dev/") and kind in ("ext4", "xfs") and fits
