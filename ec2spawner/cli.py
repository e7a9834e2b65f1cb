"""The command ``ec2spawner``."""

from __future__ import annotations

import sys

from traitlets.config import Application

from . import __version__


class EC2SpawnerApp(Application):
    """Tools around ec2spawner, the JupyterHub spawner with a machine for each user."""

    name = "ec2spawner"
    version = __version__
    description = __doc__ or ""
    aliases = {}
    flags = {}
    # As text: what a command needs is imported when it is called, and the product
    # never imports the local EC2 otherwise.
    subcommands = {
        "demo": (
            "ec2spawner.local.demo.app.DemoApp",
            "Run a whole hub on this computer, with a stand-in for EC2.",
        ),
    }

    def start(self) -> None:
        if self.subapp is not None:
            self.subapp.start()
        elif self.extra_args:
            known = ", ".join(sorted(self.subcommands))
            print(
                f"ec2spawner: there is no command {self.extra_args[0]!r}. "
                f"Commands are: {known}. See ec2spawner --help",
                file=sys.stderr,
            )
            self.exit(2)
        else:
            self.print_help()


def main(argv: list[str] | None = None) -> None:
    """Run the command line; ends the process when there is something wrong."""
    EC2SpawnerApp.launch_instance(argv)
