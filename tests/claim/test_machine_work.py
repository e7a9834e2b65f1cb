"""What the agent does with volumes and commands, where others' commands do nothing."""

import os

import pytest

from ec2spawner.claim.agent import blank, data, home, systemd
from ec2spawner.claim.agent.words import Failed

MIB = 1 << 20


class Commands:
    """Stand in for the machine's programs, note how they are called, and exit."""

    def __init__(self, folder):
        self.folder, self.log = folder, folder / "called"

    def exits(self, **codes):
        for name, code in codes.items():
            script = self.folder / name
            text = f'#!/bin/sh\necho "{name} $*" >> {self.log}\nexit {code}\n'
            script.write_text(text)
            script.chmod(0o755)

    @property
    def called(self):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.split()[0] for line in lines]


@pytest.fixture
def commands(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)
    made = Commands(folder)
    # blkid(8): 0 for a file system that it knows, 2 for nothing.
    made.exits(blkid=0, fsck=0, mount=0, systemctl=0)
    return made


@pytest.fixture
def device(tmp_path, monkeypatch):
    """A volume of 4 MiB with nothing on it, and where it would be mounted."""
    path = tmp_path / "device"
    path.write_bytes(bytes(4 * MIB))
    for module in (home, data):
        monkeypatch.setattr(module, "wait_for_device", lambda *about: str(path))
    monkeypatch.setattr(home, "MOUNT", str(tmp_path / "home"))
    return path


# -- is it blank? --------------------------------------------------------------


def test_a_volume_of_zeros_is_blank(commands, device):
    commands.exits(blkid=2)
    assert blank.is_blank(str(device))


@pytest.mark.parametrize("place", [0, MIB - 1, 3 * MIB, 4 * MIB - 1])
def test_a_byte_at_either_end_of_a_volume_is_somebodys(commands, device, place):
    commands.exits(blkid=2)
    with device.open("r+b") as file:
        file.seek(place)
        file.write(b"\1")
    assert not blank.is_blank(str(device))


@pytest.mark.parametrize("code", [0, 8])
def test_what_blkid_knows_or_doubts_is_not_blank(commands, device, code):
    commands.exits(blkid=code)
    assert not blank.is_blank(str(device))


# -- the home ------------------------------------------------------------------


@pytest.mark.parametrize("code", [4, 8, 12])
def test_a_home_that_fsck_cannot_repair_is_not_mounted(commands, device, code):
    commands.exits(fsck=code)
    with pytest.raises(home.Unusable, match="fsck cannot repair it"):
        home.mount("vol-1")
    assert commands.called == ["blkid", "fsck"]


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_a_home_that_fsck_has_repaired_is_mounted(commands, device, code):
    commands.exits(fsck=code)
    home.mount("vol-1")
    assert commands.called == ["blkid", "fsck", "mount"]


# -- data ----------------------------------------------------------------------


def test_data_is_not_mounted_through_a_link_that_a_user_has_made(
    commands, device, tmp_path
):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Failed, match="leads to somewhere else"):
        data.mount("vol-1", "/dev/sdg", str(tmp_path / "link" / "dem"))
    assert commands.called == []
    data.mount("vol-1", "/dev/sdg", str(tmp_path / "elsewhere" / "dem"))
    assert "mount" in commands.called


# -- the server's unit ---------------------------------------------------------


def test_the_command_reaches_the_server_as_it_was_ordered(
    commands, tmp_path, monkeypatch
):
    """systemd.service(5), "Command lines": it replaces %x, $X and \\x."""
    unit = tmp_path / "server.service"
    monkeypatch.setattr(systemd, "SERVER_UNIT", str(unit))
    host = systemd.SystemdHost()
    host.run_folder = str(tmp_path)
    command = ["jupyter", "--a=100%h", "$HOME", 'a "b"', "a\\n", "a\nb"]
    host.start(command, {}, "jovyan", "/home/50%u")
    lines = unit.read_text().splitlines()
    words = '"jupyter" "--a=100%%h" "$$HOME" "a \\"b\\"" "a\\\\n" "a\\nb"'
    assert "ExecStart=" + words in lines
    assert "WorkingDirectory=/home/50%%u" in lines
