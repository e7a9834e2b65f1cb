"""What the agent does with volumes and commands, where others' commands do nothing."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ec2spawner.claim.agent import service
from ec2spawner.claim.agent.words import Failed
from ec2spawner.claim.agent.work import blank, data, home, safely, systemd

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

    def says(self, **lines):
        """Lines of a shell for each command."""
        for name, line in lines.items():
            script = self.folder / name
            script.write_text("#!/bin/sh\n" + line + "\n")
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
    monkeypatch.setattr(service, "SERVER_UNIT", str(unit))
    host = systemd.SystemdHost(again=False)
    host.run_folder = str(tmp_path)
    command = ["jupyter", "--a=100%h", "$HOME", 'a "b"', "a\\n", "a\nb"]
    host.start(command, {}, "jovyan", "/home/50%u")
    lines = unit.read_text().splitlines()
    words = '"jupyter" "--a=100%%h" "$$HOME" "a \\"b\\"" "a\\\\n" "a\\nb"'
    assert "ExecStart=" + words in lines
    assert "WorkingDirectory=/home/50%%u" in lines


def test_jupyters_notes_of_a_run_are_in_a_folder_of_memory_for_the_account_alone(
    commands, tmp_path, monkeypatch
):
    unit = tmp_path / "server.service"
    monkeypatch.setattr(service, "SERVER_UNIT", str(unit))
    host = systemd.SystemdHost(again=False)
    host.run_folder = str(tmp_path)
    host.start(["jupyter"], {}, "jovyan", "/home/jovyan")
    lines = unit.read_text().splitlines()
    assert "RuntimeDirectory=ec2spawner-server" in lines
    assert "RuntimeDirectoryMode=0700" in lines
    assert host.runtime_folder == "/run/ec2spawner-server"


def test_a_server_that_ends_because_the_machine_does_has_not_ended(commands):
    host = systemd.SystemdHost(again=False)
    show = "echo ActiveState=inactive; echo ExecMainCode=1; echo ExecMainStatus=0"
    commands.says(systemctl=f'[ "$1" = show ] && {{ {show}; }} || echo stopping')
    assert host.exit_code() is None
    commands.says(systemctl=f'[ "$1" = show ] && {{ {show}; }} || echo running')
    assert host.exit_code() == 0


def test_who_restarts_the_agent_leaves_the_server_running(commands):
    """As updates of the system do, and apt in a setup_script: SIGTERM."""
    systemd.SystemdHost(again=False).terminated()
    assert commands.called == []


def test_needrestart_is_told_to_leave_us_alone_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(systemd, "NEEDRESTART", str(tmp_path / "needrestart"))
    systemd.SystemdHost(again=False).settle_in()
    assert not (tmp_path / "needrestart").exists()
    (tmp_path / "needrestart").mkdir()
    systemd.SystemdHost(again=False).settle_in()
    conf = tmp_path / "needrestart" / "conf.d" / "ec2spawner.conf"
    assert conf.read_text() == "$nrconf{override_rc}{qr(^ec2spawner-)} = 0;\n"


# -- the account's number --------------------------------------------------------


@pytest.fixture
def accounts(monkeypatch, tmp_path):
    """What the machine has for accounts: name -> uid.

    Pytest itself looks for its own account as it makes the first folder.
    """
    known = {"root": 0, "ubuntu": 1000}

    def entry(name, uid):
        return SimpleNamespace(
            pw_name=name, pw_uid=uid, pw_gid=uid, pw_dir="/h/" + name
        )

    def by_uid(uid):
        return next(entry(n, u) for n, u in known.items() if u == uid)

    def lookup(find):
        def look(what):
            try:
                return find(what)
            except StopIteration:
                raise KeyError(what) from None

        return look

    monkeypatch.setattr(systemd.pwd, "getpwuid", lookup(by_uid))
    monkeypatch.setattr(systemd.pwd, "getpwnam", lambda name: entry(name, known[name]))
    return known


@pytest.mark.parametrize(
    "wanted, given", [(1234, "--uid 1234 "), (0, ""), (1000, ""), (33, "")]
)
def test_an_account_is_made_with_the_number_of_its_files_if_it_may_have_it(
    commands, accounts, monkeypatch, wanted, given
):
    """Not with somebody else's, nor with one of the system's own."""
    made = []

    def useradd(command, on_line):
        made.append(" ".join(command))
        accounts["jovyan"] = 1001
        return 0, ""

    monkeypatch.setattr(systemd, "run_lines", useradd)
    assert systemd.SystemdHost(again=False).account("jovyan", wanted) == "/h/jovyan"
    assert made == [f"useradd --create-home --shell /bin/bash {given}jovyan"]


def test_files_of_another_number_are_given_to_the_account_and_the_user_is_told(
    commands, accounts, device, tmp_path
):
    commands.exits(chown=0, mount=0)
    accounts["jovyan"] = os.geteuid() + 1
    (tmp_path / "home" / "home").mkdir(parents=True)
    told = []
    home.settle("jovyan", str(tmp_path / "at"), "", told.append)
    assert "chown" in commands.called
    assert told == ["its files get the number that your account has on this machine"]
    accounts["jovyan"] = os.geteuid()
    commands.log.unlink()
    home.settle("jovyan", str(tmp_path / "at"), "", told.append)
    assert "chown" not in commands.called and len(told) == 1


# -- where a user could lead root astray -----------------------------------------


def test_word_in_a_home_replaces_a_link_and_nothing_behind_it(
    accounts, tmp_path, monkeypatch
):
    owned = []
    monkeypatch.setattr(safely.os, "fchown", lambda fd, uid, gid: owned.append(uid))
    accounts["jovyan"] = 1001
    roots = tmp_path / "shadow"
    roots.write_text("root's")
    folder = tmp_path / "jovyan"
    folder.mkdir()
    word = folder / "YOUR-HOME-IS-NOT-HERE.txt"
    word.symlink_to(roots)
    home.explain(str(folder), "vol-1", "it is broken", "jovyan")
    assert roots.read_text() == "root's"
    assert not word.is_symlink() and "it is broken" in word.read_text()
    assert owned == [1001]
    # And a hard link.
    word.unlink()
    os.link(roots, word)
    home.explain(str(folder), "vol-1", "it is broken", "jovyan")
    assert roots.read_text() == "root's"


@pytest.mark.parametrize("what", ["link", "file"])
def test_a_home_that_is_no_folder_is_not_mounted_as_one(device, tmp_path, what):
    (tmp_path / "home").mkdir()
    place = tmp_path / "home" / "home"
    place.symlink_to("/etc") if what == "link" else place.write_text("x")
    with pytest.raises(home.Unusable, match="is no folder"):
        home.owner()


def test_a_mount_path_that_becomes_a_link_in_the_last_moment_leads_nowhere_else(
    commands, device, tmp_path, monkeypatch
):
    """The user swaps the folder while the command that mounts starts."""
    commands.says(mount='readlink -f "$5" > ' + str(tmp_path / "mounted-at"))
    path, elsewhere = tmp_path / "user" / "data", tmp_path / "etc"
    elsewhere.mkdir()
    run_lines = data.run_lines

    def race(command, *more, **options):
        path.rename(tmp_path / "user" / "moved")
        path.symlink_to(elsewhere)
        return run_lines(command, *more, **options)

    monkeypatch.setattr(data, "run_lines", race)
    data.mount("vol-1", "/dev/sdg", str(path))
    mounted_at = (tmp_path / "mounted-at").read_text().strip()
    assert mounted_at == str(tmp_path / "user" / "moved")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_mount_takes_what_we_call_a_folder(tmp_path):
    """The real command, in a namespace of its own."""
    program = (
        "import subprocess, sys; from ec2spawner.claim.agent.work import safely\n"
        "fd = safely.open_folder(sys.argv[1])\n"
        "assert not safely.is_mounted(fd)\n"
        "subprocess.run(['mount', '-c', '-t', 'tmpfs', 'x', safely.name_of(fd)],"
        " pass_fds=(fd,), check=True)\n"
        "assert safely.is_mounted(safely.open_folder(sys.argv[1]))\n"
    )
    subprocess.run(
        [
            "unshare",
            "--mount",
            sys.executable,
            "-c",
            program,
            str(tmp_path / "a" / "b"),
        ],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
