"""The command ``ec2spawner image``: what its subcommands are."""

from __future__ import annotations

from ...cli import CommandGroup


class ImageApp(CommandGroup):
    """Images for a hub's machines, made from repositories.

    An image has a repository's packages as a kernel, beside the server of the Hub's
    version. Build one, and set c.EC2Spawner.image = "repo:NAME".
    """

    name = "ec2spawner image"
    description = __doc__ or ""
    subcommands = {
        "build": (
            "ec2spawner.admin.image.build.BuildApp",
            "Make an image from a repository's environment.yml or requirements.txt.",
        ),
        "copy": (
            "ec2spawner.admin.image.copy.CopyApp",
            "Copy an image to more regions.",
        ),
        "ls": (
            "ec2spawner.admin.image.ls.ImageLsApp",
            "List the images of a hub, where they are, and who uses them.",
        ),
        "prune": (
            "ec2spawner.admin.image.prune.PruneApp",
            "Delete images that nobody uses any more.",
        ),
        "save": (
            "ec2spawner.admin.image.save.SaveApp",
            "Make an image of a user's machine.",
        ),
        "share": (
            "ec2spawner.admin.image.share.ShareApp",
            "Let another AWS account use an image.",
        ),
        "show": (
            "ec2spawner.admin.image.show.ShowApp",
            "Say all that is known of an image.",
        ),
        "test": (
            "ec2spawner.admin.image.trial.TestApp",
            "Try an image as a server would use it.",
        ),
    }
