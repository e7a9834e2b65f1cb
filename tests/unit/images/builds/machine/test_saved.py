"""What is looked for on the disk of somebody's machine, before it is an image."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ec2spawner.images.builds.machine.saved import SCAN, is_own_disk

GIB = 1 << 30
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n"
PASSWORD = 'password = "hunter2-s3cr3t"\n'


def scanned(root, born=0.0):
    """What the program says of a disk."""
    words = ["-c", SCAN, str(root), str(born), str(root / "ours")]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return [each.removeprefix(f"{root}/") for each in found], done.stdout


def plant(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_secrets_are_named_by_kind_and_place_and_never_said(tmp_path):
    plant(tmp_path, srv__key_dot_pem=KEY, etc__app_dot_conf="x\n" + PASSWORD)
    plant(tmp_path, etc__fine_dot_conf="name = hydro\n")
    found, said = scanned(tmp_path)
    assert found == ["etc/app.conf:2 Secret Keyword", "srv/key.pem:1 Private Key"]
    assert "hunter2" not in said and "MIIE" not in said


def test_what_packages_bring_is_not_looked_through_nor_what_was_there_before(tmp_path):
    plant(tmp_path, usr__lib__x=PASSWORD, opt__lib__site_dash_packages__x="")
    plant(tmp_path, **{"opt__lib__site-packages__x": PASSWORD, "ours__x": PASSWORD})
    plant(tmp_path, usr__local__x=PASSWORD)
    found, _ = scanned(tmp_path)
    assert found == ["usr/local/x:1 Secret Keyword"]
    born = (tmp_path / "usr/local/x").stat().st_ctime + 1
    assert scanned(tmp_path, born)[0] == []


EXT4 = "/dev/root / ext4 rw 0 0\nproc /proc proc rw 0 0\n"


@pytest.mark.parametrize(
    "mounts, gib, own",
    [
        (EXT4, 15.5, True),
        (EXT4.replace("ext4", "xfs"), 15.5, True),
        # Of a container: the whole disk of the computer that it is on.
        (EXT4, 200, False),
        ("overlay / overlay rw 0 0\n", 15.5, False),
        ("rootfs / ext4 rw 0 0\n", 15.5, False),
    ],
)
def test_free_space_is_overwritten_on_a_disk_of_the_machines_own_only(mounts, gib, own):
    free = SimpleNamespace(f_blocks=int(gib * GIB / 4096), f_frsize=4096)
    assert is_own_disk(mounts, 16, free) is own
