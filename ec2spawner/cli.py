"""The command ``ec2spawner``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from traitlets import default
from traitlets.config import Application

from . import __version__

if TYPE_CHECKING:
    from traitlets.config.application import ArgvType


class Command(Application):
    """What the commands have in common: mistakes end them with one plain line."""

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


class CommandGroup(Command):
    """A command that has others below it, and does nothing by itself."""

    aliases = {}
    flags = {}

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
            "ec2spawner.admin.cost.CostApp",
            "Say what a hub has cost: by user, group, profile or day.",
        ),
        "demo": (
            "ec2spawner.demo.app.DemoApp",
            "Run a whole hub on this computer, with a stand-in for EC2.",
        ),
        "doctor": (
            "ec2spawner.admin.doctor.app.DoctorApp",
            "Look for what would keep a hub from working.",
        ),
        "iam-policy": (
            "ec2spawner.admin.policy.app.PolicyApp",
            "Write the IAM policy that a hub needs, made of its configuration.",
        ),
        "image": (
            "ec2spawner.admin.image.app.ImageApp",
            "Make images for a hub's machines from repositories, and keep them.",
        ),
        "init": (
            "ec2spawner.admin.init.app.InitApp",
            "Write the configuration of a new hub, and the template that makes it.",
        ),
        "ls": (
            "ec2spawner.admin.ls.LsApp",
            "List every machine of a hub, and why it exists.",
        ),
        "prices": (
            "ec2spawner.admin.prices.PricesApp",
            "List what the machines of a hub cost, and who says so.",
        ),
        "sweep": (
            "ec2spawner.admin.sweep.SweepApp",
            "End what no server of a hub owns, also when the Hub is down.",
        ),
        "teardown": (
            "ec2spawner.admin.teardown.app.TeardownApp",
            "List all that a hub has in AWS, and delete it.",
        ),
        "why": (
            "ec2spawner.admin.why.app.WhyApp",
            "Tell all that is known of one user's server.",
        ),
    }


def main(argv: list[str] | None = None) -> None:
    """Run the command line; ends the process when there is something wrong."""
    EC2SpawnerApp.launch_instance(sys.argv[1:] if argv is None else argv)
