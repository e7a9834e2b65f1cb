"""The command ``ec2spawner``."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, NoReturn

from traitlets import default
from traitlets.config import Application
from traitlets.utils.importstring import import_item

from . import __version__

if TYPE_CHECKING:
    from traitlets.config.application import ArgvType


class Command(Application):
    """What the commands have in common: mistakes end them with one plain line."""

    #: the class that does what the options of this one say; empty for this one itself
    work = ""

    @default("log_format")
    def _log_format(self) -> str:
        return "%(message)s"

    def parse_command_line(self, argv: ArgvType = None) -> None:
        words = list(argv or [])
        if words[:1] and words[0] in self.subcommands:
            words = []  # the command reads its own
        for word in words:
            option = word.partition("=")[0]
            # traitlets only warns of these.
            if option.startswith("--") and not self._is_known(option.lstrip("-")):
                self.fail(f"there is no option {option}. See {self.name} --help", 2)
        super().parse_command_line(argv)

    def _is_known(self, option: str) -> bool:
        usual = ("help", "help-all", "version", "")
        return option in (*self.aliases, *self.flags, *usual) or "." in option

    def fail(self, why: str, status: int = 1) -> NoReturn:
        """End the process, and say why on stderr."""
        print(f"{self.name}: {why}", file=sys.stderr)
        sys.exit(status)


#: whoever asks for it waits for nothing that does the work
_HELP = frozenset({"-h", "--help", "--help-all"})


def _imported(where: str) -> type[Application]:
    """What does the work, with all that it needs: JupyterHub, SQLAlchemy, boto3.

    None of it is garbage before the command ends. Python would look through it again
    and again, which takes a sixth of the time of ``ec2spawner ls``.
    """
    gc.disable()
    try:
        found: type[Application] = import_item(where)
    finally:
        gc.freeze()
        gc.enable()
    return found


class CommandGroup(Command):
    """A command that has others below it, and does nothing by itself."""

    aliases = {}
    flags = {}

    def initialize_subcommand(self, subc: str, argv: ArgvType = None) -> None:
        where, text = self.subcommands[subc]
        options = import_item(where) if isinstance(where, str) else where
        if options.work and not _HELP & {*(argv or [])}:
            options = _imported(options.work)
        self.subcommands = {**self.subcommands, subc: (options, text)}
        super().initialize_subcommand(subc, argv)

    def start(self) -> None:
        if self.subapp is not None:
            self.subapp.start()
        elif self.extra_args:
            known = ", ".join(sorted(self.subcommands))
            self.fail(
                f"there is no command {self.extra_args[0]!r}. Commands are: {known}. "
                f"See {self.name} --help",
                2,
            )
        else:
            self.print_help()


class EC2SpawnerApp(CommandGroup):
    """Tools around ec2spawner, the JupyterHub spawner with a machine for each user."""

    name = "ec2spawner"
    version = __version__
    description = __doc__ or ""
    # As text: what a command needs is imported when it is called, and the product
    # never imports the local EC2 otherwise.
    subcommands = {
        "cost": (
            "ec2spawner.admin.options.CostOptions",
            "Say what a hub has cost: by user, group, profile or day.",
        ),
        "demo": (
            "ec2spawner.demo.options.DemoCommand",
            "Run a whole hub on this computer, with a stand-in for EC2.",
        ),
        "doctor": (
            "ec2spawner.admin.options.DoctorOptions",
            "Look for what would keep a hub from working.",
        ),
        "iam-policy": (
            "ec2spawner.admin.options.PolicyOptions",
            "Write the IAM policy that a hub needs, made of its configuration.",
        ),
        "image": (
            "ec2spawner.admin.image.app.ImageApp",
            "Make images for a hub's machines from repositories, and keep them.",
        ),
        "init": (
            "ec2spawner.admin.options.InitOptions",
            "Write the configuration of a new hub, and the template that makes it.",
        ),
        "ls": (
            "ec2spawner.admin.options.LsOptions",
            "List every machine of a hub, and why it exists.",
        ),
        "prices": (
            "ec2spawner.admin.options.PricesOptions",
            "List what the machines of a hub cost, and who says so.",
        ),
        "sweep": (
            "ec2spawner.admin.options.SweepOptions",
            "End what no server of a hub owns, also when the Hub is down.",
        ),
        "teardown": (
            "ec2spawner.admin.options.TeardownOptions",
            "List all that a hub has in AWS, and delete it.",
        ),
        "why": (
            "ec2spawner.admin.options.WhyOptions",
            "Tell all that is known of one user's server.",
        ),
    }


def main(argv: list[str] | None = None) -> None:
    """Run the command line; ends the process when there is something wrong."""
    EC2SpawnerApp.launch_instance(sys.argv[1:] if argv is None else argv)
