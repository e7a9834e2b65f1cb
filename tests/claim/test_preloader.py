"""The process that imports a server ahead: what it becomes is a server as any other."""

import fcntl
import json
import os
import subprocess
import sys

import pytest

from ec2spawner.claim.agent import preloader

# All that a program can see of how it was started.
SERVER = """\
import json, os, resource, signal, site, sys, threading
ahead = "jupyter_server.serverapp" in sys.modules
import jupyter_server.serverapp
if __name__ == "__main__":
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    json.dump({
        "argv": sys.argv, "path": sys.path, "file": __file__, "cwd": os.getcwd(),
        "main": sys.modules["__main__"].__dict__ is globals(),
        "environment": dict(os.environ), "libc": os.popen("env | sort").read(),
        "user site": [site.getuserbase(), site.getusersitepackages()],
        "wsgi": __import__("wsgiref.handlers").handlers.BaseHandler.os_environ,
        "flags": list(sys.flags), "name": status["Name"],
        "accounts": [os.getresuid(), os.getresgid(), os.getgroups(), status["CapEff"]],
        "mask": status["Umask"], "session": os.getsid(0) == os.getpid(),
        "signals": [status[s] for s in ("SigBlk", "SigIgn", "SigCgt")],
        "limits": [resource.getrlimit(n) for n in range(16)],
        "files": sorted(os.readlink(f"/proc/self/fd/{n}") for n in range(3)),
        "more files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
    }, open("seen", "w"))
    open("ahead", "w").write(f"{ahead} {os.getpid()}")
    sys.exit(int(os.environ["CODE"]))
"""
PACKAGES = {module.split(".")[0] for module in preloader.MODULES}


# Whoever reads the other end knows that it has come so far.
MODULE = """\
import os, sys
if sys.argv[0].endswith("preloader.py"):
    open({here!r}, "w").close()
    {text}
"""
ENV = {"CODE": "7", "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/", "TZ": "Asia/Tokyo"}


class Image:
    """A Python with a server in it, whose modules do nothing."""

    def __init__(self, folder):
        self.bin, self.home = folder / "bin", folder / "home"
        self.orders, self.here = folder / "orders", folder / "here"
        self.log = folder / "log"
        self.home.mkdir()
        for name in PACKAGES:
            (self.bin / name).mkdir(parents=True)
            (self.bin / name / "__init__.py").write_text("")
        self.program = self.bin / "jupyterhub-singleuser"
        self.program.write_text(f"#!{sys.executable}\n{SERVER}")
        self.program.chmod(0o755)
        os.mkfifo(self.here)
        self.imports("pass")
        self.base = {"PATH": os.environ["PATH"], "HOME": str(self.home)}

    def imports(self, text):
        """What a module of the server does when it is imported ahead."""
        module = self.bin / "jupyter_server" / "serverapp.py"
        module.write_text(MODULE.format(here=str(self.here), text=text))

    def run(self, command, **options):
        with self.log.open("a") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **options,
            )

    def starts_plainly(self, env):
        command = [str(self.program), "--port=1"]
        return self.run(command, cwd=self.home, env={**self.base, **env})

    def waits(self, python=sys.executable):
        """The process, and the orders that are held back from it."""
        self.orders.write_text("")
        held = open(self.orders, "w")
        fcntl.flock(held, fcntl.LOCK_EX)
        command = [python, preloader.__file__, self.orders, self.program]
        return self.run(command, cwd="/", env=self.base), held

    def starts_ahead(self, env, program=None):
        """The server's process, which was told while it imported."""
        process, held = self.waits()
        self.here.read_text()
        self.tell(held, env, program or self.program)
        return process

    def tell(self, held, env, program):
        command = [str(program), "--port=1"]
        with held:
            json.dump({"command": command, "env": env, "folder": str(self.home)}, held)

    def became(self, process):
        """Whether this process is the server, and has what was imported; and what it
        said."""
        process.wait(30)
        ahead, pid = (self.home / "ahead").read_text().split()
        assert int(pid) == process.pid, "the same process, in any case"
        return ahead == "True", self.log.read_text()

    def seen(self):
        return json.loads((self.home / "seen").read_text())


@pytest.fixture
def image(tmp_path):
    return Image(tmp_path)


def test_the_server_that_it_becomes_sees_what_it_would_see_of_a_plain_start(image):
    assert image.starts_plainly(ENV).wait(30) == 7
    plain = image.seen()
    process = image.starts_ahead(ENV)
    assert image.became(process) == (True, "")
    assert process.returncode == 7
    assert image.seen() == plain
    assert plain["environment"]["JUPYTERHUB_SERVICE_PREFIX"] == "/user/ada/"
    assert plain["main"] and plain["session"]
    assert not image.orders.exists(), "they hold the token"


@pytest.mark.parametrize(
    "imports, env, why",
    [
        ("os.environ.get('HOME')", {"HOME": "/"}, "depends on HOME"),
        ("os.getenv('CODE')", {}, "depends on CODE"),
        ("'CODE' in os.environ", {}, "depends on CODE"),
        ("os.environb.get(b'CODE')", {}, "depends on CODE"),
        ("dict(os.environ)", {}, "reads the whole environment"),
        ("os.environ['CODE'] = '8'", {}, "changes the environment"),
        ("os.environ.pop('HOME')", {}, "changes the environment"),
        ("pass", {"PYTHONWARNINGS": "error"}, "depends on PYTHONWARNINGS"),
        ("pass", {"LANG": "de_DE.UTF-8"}, "depends on LANG"),
        ("1 / 0", {}, "division by zero"),
    ],
)
def test_what_was_imported_otherwise_than_it_would_be_is_not_used(
    image, imports, env, why
):
    image.imports(imports)
    process = image.starts_ahead({**ENV, **env})
    ahead, said = image.became(process)
    assert (ahead, process.returncode) == (False, 7)
    assert "ec2spawner: a plain start of the server: " in said and why in said
    assert image.seen()["environment"].items() >= {**image.base, **ENV, **env}.items()


def test_what_was_read_and_is_the_same_is_no_reason(image):
    image.imports("os.environ['HOME'], os.environ.get('JUPYTERHUB_METRICS_PREFIX')")
    assert image.became(image.starts_ahead(ENV)) == (True, "")


def test_packages_of_the_account_are_found_first_as_ever(image):
    """In ~/.local, of the home that came with the orders."""
    version = "python%i.%i" % sys.version_info[:2]
    (image.home / ".local" / "lib" / version / "site-packages").mkdir(parents=True)
    # A virtual environment has none; the Python that it is made of does.
    real = os.path.realpath(sys.executable)
    image.program.write_text(f"#!{real}\n{SERVER}")
    process, held = image.waits(real)
    image.tell(held, ENV, image.program)
    ahead, said = image.became(process)
    assert not ahead and "packages of its own" in said


def test_modules_of_the_home_are_those_of_the_one_that_came_with_the_orders(image):
    """The machine's disk may have others at the same place."""
    image.base["HOME"] = str(image.bin)
    ahead, said = image.became(image.starts_ahead(ENV))
    assert not ahead and "it is in the home" in said


def test_another_program_than_was_expected_is_started_all_the_same(image, tmp_path):
    other = tmp_path / "other"
    other.write_text(image.program.read_text())
    other.chmod(0o755)
    (tmp_path / "jupyter_server").symlink_to(image.bin / "jupyter_server")
    process = image.starts_ahead(ENV, other)
    ahead, said = image.became(process)
    assert (ahead, process.returncode) == (False, 7)
    assert "it is another program" in said


def test_it_ends_with_an_agent_that_never_tells_it_anything(image):
    process, held = image.waits()
    image.here.read_text()
    held.close()
    assert process.wait(30) == 0
    assert not (image.home / "seen").exists()
