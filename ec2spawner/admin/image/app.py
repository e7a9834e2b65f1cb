"""The command ``ec2spawner image``: what its subcommands are."""

from __future__ import annotations

from ...cli import Command


class ImageApp(Command):
    """Images for a hub's machines, made from repositories.

    An image has a repository's packages as a kernel, beside the server of the Hub's
    version. Build one, and set c.EC2Spawner.image = "repo:NAME".
    """

    name = "ec2spawner image"
    description = __doc__ or ""
    aliases = {}
    flags = {}
    subcommands = {
        "build": (
            "ec2spawner.admin.image.build.BuildApp",
            "Make an image from a repository's environment.yml or requirements.txt.",
        ),
    }

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
