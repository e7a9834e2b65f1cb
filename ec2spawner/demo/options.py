"""What ``ec2spawner demo`` is for, and what it takes."""

from __future__ import annotations

from traitlets import Bool, CaselessStrEnum, Int, List, Unicode

from ..cli import Command


class DemoCommand(Command):
    """Run a whole hub on this computer, with a stand-in for EC2.

    It needs no AWS account, and leaves nothing behind.
    """

    name = "ec2spawner demo"
    description = __doc__ or ""
    work = "ec2spawner.demo.app.DemoApp"
    examples = """
ec2spawner demo
ec2spawner demo --port 8000 --idle-timeout 120
ec2spawner demo --check
sudo ec2spawner demo --machines=nspawn
ec2spawner demo --break RunInstances=InsufficientInstanceCapacity
ec2spawner demo --break RunInstances@us-west-2a=InsufficientInstanceCapacity
"""

    port = Int(
        0, min=0, max=65535, help="The port to open in the browser. Default: a free one"
    ).tag(config=True)
    idle_timeout = Int(
        900,
        min=0,
        help="Seconds after which an idle server is stopped; 0 for never",
    ).tag(config=True)
    machines = CaselessStrEnum(
        ("process", "nspawn", "qemu"),
        "process",
        help="""What machines are: a group of processes (process), a Debian that boots
        in a container (nspawn), or a whole computer (qemu), which is slow. The last
        two need root and some Debian packages, and make a root file system first""",
    ).tag(config=True)
    outside = Bool(
        False,
        help="Let machines reach the package registries that this computer's pip and "
        "apt use, so that images can be built. With --machines=nspawn",
    ).tag(config=True)
    check = Bool(False, help="Do a user's whole round without a person, then end").tag(
        config=True
    )
    verbose = Bool(False, help="Show the Hub's log, too").tag(config=True)
    keep_log = Unicode(
        help="The file that the Hub's log is written to. Default: it is not kept"
    ).tag(config=True)
    broken = List(
        Unicode(),
        help="""ACTION=CODE: let every such call of EC2 fail, to see what users then
        see, for example RunInstances=InsufficientInstanceCapacity. With ACTION@ZONE
        only launches into that zone fail. It can be given several times.""",
    ).tag(config=True)

    aliases = {
        "port": "DemoCommand.port",
        "idle-timeout": "DemoCommand.idle_timeout",
        "machines": "DemoCommand.machines",
        "keep-log": "DemoCommand.keep_log",
        "break": "DemoCommand.broken",
    }
    flags = {
        "check": ({"DemoCommand": {"check": True}}, check.help),
        "outside": ({"DemoCommand": {"outside": True}}, outside.help),
        "verbose": ({"DemoCommand": {"verbose": True}}, verbose.help),
    }
