"""The command ``ec2spawner image``: its subcommands, and what each takes."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Float, Int, List, Unicode

from ...cli import CommandGroup
from ..app import AdminApp
from .one import OneImageApp


class ImageApp(CommandGroup):
    """Images for a hub's machines, made from repositories.

    An image has a repository's packages as a kernel, beside the server of the Hub's
    version. Build one, and set c.EC2Spawner.image = "repo:NAME".
    """

    name = "ec2spawner image"
    description = __doc__ or ""
    subcommands = {
        "build": (
            "ec2spawner.admin.image.app.BuildOptions",
            "Make an image from a repository's environment.yml or requirements.txt.",
        ),
        "copy": (
            "ec2spawner.admin.image.app.CopyOptions",
            "Copy an image to more regions.",
        ),
        "ls": (
            "ec2spawner.admin.image.app.ImageLsOptions",
            "List the images of a hub, where they are, and who uses them.",
        ),
        "prune": (
            "ec2spawner.admin.image.app.PruneOptions",
            "Delete images that nobody uses any more.",
        ),
        "save": (
            "ec2spawner.admin.image.app.SaveOptions",
            "Make an image of a user's machine.",
        ),
        "share": (
            "ec2spawner.admin.image.app.ShareOptions",
            "Let another AWS account use an image.",
        ),
        "show": (
            "ec2spawner.admin.image.app.ShowOptions",
            "Say all that is known of an image.",
        ),
        "test": (
            "ec2spawner.admin.image.app.TestOptions",
            "Try an image as a server would use it.",
        ),
    }


class BuildOptions(AdminApp):
    """Make an image from a repository's environment.yml or requirements.txt.

    SOURCE is a folder, or the address of a git repository, with @REF or not. Its
    packages become a kernel. Whatever can be found out without a machine is found out
    first: with --plan nothing else is done, and it costs nothing. Then a machine of
    the hub installs, tests and cleans up, and becomes the image. It ends itself when
    its time is over, whatever becomes of this command: run it again to go on.

    The same packages again are the same image: nothing is built then.
    """

    name = "ec2spawner image build"
    description = __doc__ or ""
    work = "ec2spawner.admin.image.build.BuildApp"
    examples = """
ec2spawner image build https://github.com/ChristinaB/dhsvm-opt --plan
ec2spawner image build https://github.com/ChristinaB/dhsvm-opt@master
ec2spawner image build ./my-repository --name hydro --type m7i.xlarge
"""
    image_name = Unicode(help="What the image is called. Default: the repository").tag(
        config=True
    )
    base = Unicode(
        help="The image that it begins with, as c.EC2Spawner.image has it. Default: "
        "that one, or Ubuntu 24.04 where it is a repo:…"
    ).tag(config=True)
    type = Unicode(
        help="The instance type of the builder. Default: the hub's own first one"
    ).tag(config=True)
    disk = Int(0, help="GiB of the builder's disk, and of the image").tag(config=True)
    ref = Unicode(help="The branch, tag or commit").tag(config=True)
    subdir = Unicode(help="The folder whose files count").tag(config=True)
    ignore = List(
        Unicode(), help="The name of a file to pass over. It can be given several times"
    ).tag(config=True)
    python = Unicode(help="The Python of the kernel, such as 3.11").tag(config=True)
    as_of = Unicode(
        help="Take no package that was published after this date (2020-05-18). "
        "Default: the date of what is pinned, where that needs an old Python; 'no' "
        "for no date"
    ).tag(config=True)
    index = List(
        Unicode(),
        help="The package index, when it is not the one that uv or pip is configured "
        "for here. Given again: further ones",
    ).tag(config=True)
    strict = Bool(False, help="Fail when the code imports what no file asks for").tag(
        config=True
    )
    bake = Bool(
        False,
        help="Put the repository's files into the image, so that they are in each "
        "home without a network. A folder must be small: it goes by user-data",
    ).tag(config=True)
    boot_test = Bool(
        False,
        help="Try the image on a machine of its own before it is on offer: see "
        "ec2spawner image test",
    ).tag(config=True)
    public_ip = Bool(
        False,
        help="Give the builder a public address: without a NAT gateway it reaches no "
        "package index otherwise",
    ).tag(config=True)
    refresh = Bool(
        False,
        help="Look for versions that go together anew, though the same was asked for "
        "before on this computer: what is not pinned may be newer then",
    ).tag(config=True)
    plan = Bool(False, help="Say what would be built, and build nothing").tag(
        config=True
    )
    json = Bool(False, help="Print an object a line, for programs").tag(config=True)

    aliases: dict[Any, Any] = {
        **AdminApp.aliases,
        "name": "BuildOptions.image_name",
        **{
            each.replace("_", "-"): f"BuildOptions.{each}"
            for each in ("base", "type", "disk", "ref", "subdir", "ignore", "python")
        },
        "as-of": "BuildOptions.as_of",
        "index": "BuildOptions.index",
    }
    flags = {
        "strict": ({"BuildOptions": {"strict": True}}, strict.help),
        "bake": ({"BuildOptions": {"bake": True}}, bake.help),
        "boot-test": ({"BuildOptions": {"boot_test": True}}, boot_test.help),
        "public-ip": ({"BuildOptions": {"public_ip": True}}, public_ip.help),
        "refresh": ({"BuildOptions": {"refresh": True}}, refresh.help),
        "plan": ({"BuildOptions": {"plan": True}}, plan.help),
        "json": ({"BuildOptions": {"json": True}}, json.help),
    }


class CopyOptions(OneImageApp):
    """Copy the newest image of a name to more regions, and wait until it is there.

    Each region is by itself: what can be copied is, and the others are named (exit
    code 3). The command can be ended and given again at any time: it asks for one copy
    only, and goes on with one that is under way.
    """

    name = "ec2spawner image copy"
    description = __doc__ or ""
    work = "ec2spawner.admin.image.copy.CopyApp"
    examples = """
ec2spawner image copy dhsvm-opt --to eu-west-1 --to eu-central-1
ec2spawner image copy dhsvm-opt@4b1d --to eu-west-1 --no-wait
"""
    to = List(
        Unicode(), help="A region to copy it to. It can be given several times"
    ).tag(config=True)
    no_wait = Bool(False, help="Ask for the copies, and do not wait for them").tag(
        config=True
    )
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    look_again = Float(15.0, min=0, help="Seconds after which to look again").tag(
        config=True
    )
    aliases = {
        **OneImageApp.aliases,
        "to": "CopyOptions.to",
        "look-again": "CopyOptions.look_again",
    }
    flags = {
        "no-wait": ({"CopyOptions": {"no_wait": True}}, no_wait.help),
        "json": ({"CopyOptions": {"json": True}}, json.help),
    }


class ImageLsOptions(OneImageApp):
    """List the images of a hub: of what, where, at what cost, and who uses them.

    Images that have the same content are one line, with a state for each region. It
    reads the Hub's configuration and asks EC2, and changes nothing.
    """

    name = "ec2spawner image ls"
    description = __doc__ or ""
    work = "ec2spawner.admin.image.ls.ImageLsApp"
    examples = """
ec2spawner image ls
ec2spawner image ls --region eu-west-1
ec2spawner image ls --json
"""
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    flags = {"json": ({"ImageLsOptions": {"json": True}}, json.help)}


class PruneOptions(OneImageApp):
    """Delete images that nobody uses any more, with their snapshots.

    What stays: the newest of each name; what a machine was made of, also a stopped one
    and one that is not this hub's; what the configuration names, in any profile; what
    was made or launched lately; and what has the tag ec2spawner:keep with the value
    true. A region that does not answer keeps all it has.
    """

    name = "ec2spawner image prune"
    description = __doc__ or ""
    work = "ec2spawner.admin.image.prune.PruneApp"
    examples = """
ec2spawner image prune --dry-run
ec2spawner image prune --keep-last 1 --unused-for 30d
"""
    dry_run = Bool(False, help="Say what would be done, and do nothing").tag(
        config=True
    )
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    keep_last = Int(
        2, min=1, help="So many of each name stay in each region, the newest"
    ).tag(config=True)
    unused_for = Unicode(
        "90d", help="How long nobody has made or launched it: 90d, 2w, 12h"
    ).tag(config=True)
    aliases = {
        **OneImageApp.aliases,
        "keep-last": "PruneOptions.keep_last",
        "unused-for": "PruneOptions.unused_for",
    }
    flags = {
        "dry-run": ({"PruneOptions": {"dry_run": True}}, dry_run.help),
        "json": ({"PruneOptions": {"json": True}}, json.help),
    }


class SaveOptions(OneImageApp):
    """Make an image of a user's machine, with what was installed on it.

    USER and, for a named server, SERVER say which. The machine itself is not touched
    and may run on. A copy of its disk, which nobody is offered, boots as a machine that
    removes what is somebody's own: homes, keys, passwords, histories, logs, traces of
    this machine. Then it looks for secrets, starts the server as a test, and becomes
    the image; the copy is deleted. What still looks like a secret is named, and the
    image is not shared with other accounts then.
    """

    name = "ec2spawner image save"
    description = __doc__ or ""
    work = "ec2spawner.admin.image.save.SaveApp"
    examples = """
ec2spawner image save alice --name hydro-tools
ec2spawner image save alice gpu --name hydro-gpu
"""
    image_name = Unicode(help="What the image is called. Default: the user").tag(
        config=True
    )
    type = Unicode(
        help="The instance type of the builder. Default: that of the user's machine"
    ).tag(config=True)
    public_ip = Bool(False, help="Give the builder a public address").tag(config=True)
    index = List(
        Unicode(),
        help="The package index, when it is not the one that uv or pip is configured "
        "for here. Given again: further ones",
    ).tag(config=True)
    json = Bool(False, help="Print an object a line, for programs").tag(config=True)
    aliases = {
        **OneImageApp.aliases,
        "name": "SaveOptions.image_name",
        "type": "SaveOptions.type",
        "index": "SaveOptions.index",
    }
    flags = {
        "public-ip": ({"SaveOptions": {"public_ip": True}}, public_ip.help),
        "json": ({"SaveOptions": {"json": True}}, json.help),
    }


class ShareOptions(OneImageApp):
    """Let another AWS account launch an image and copy it, in each region where it is.

    Refused are images that have not passed their tests, that hold secrets, or that are
    encrypted. Tags do not go along: what is in the image says itself what it is, in
    /etc/ec2spawner/image.json. With --stop the account may use it no more; what it has
    copied is its own.
    """

    name = "ec2spawner image share"
    description = __doc__ or ""
    work = "ec2spawner.admin.image.share.ShareApp"
    examples = """
ec2spawner image share dhsvm-opt --account 111122223333
ec2spawner image share dhsvm-opt@4b1d --account 111122223333 --stop
"""
    accounts = List(
        Unicode(),
        help="The number of an AWS account. It can be given several times",
    ).tag(config=True)
    stop = Bool(False, help="Share it no more").tag(config=True)
    aliases = {**OneImageApp.aliases, "account": "ShareOptions.accounts"}
    flags = {"stop": ({"ShareOptions": {"stop": True}}, stop.help)}


class ShowOptions(OneImageApp):
    """Say all that is known of an image: what it was made of, where it is, who uses it.

    NAME is a name, of which the newest is shown and the others are listed; or NAME@KEY
    with the beginning of a key; or the id of an image.
    """

    name = "ec2spawner image show"
    description = __doc__ or ""
    work = "ec2spawner.admin.image.show.ShowApp"
    examples = """
ec2spawner image show dhsvm-opt
ec2spawner image show dhsvm-opt@4b1d --json
"""
    json = Bool(False, help="Print JSON, for programs").tag(config=True)
    flags = {"json": ({"ShowOptions": {"json": True}}, json.help)}


class TestOptions(OneImageApp):
    """Try an image as a server would use it: boot it, start the server, compute.

    NAME is a name, of which the newest is tried; or NAME@KEY with the beginning of a
    key; or the id of an image. A machine of the hub boots from it, starts
    jupyterhub-singleuser and has every kernel compute; then it ends. An image that
    passes is ready. One that fails is offered no more, in any region. You may end the
    command and run it again at any time; the machine ends itself after half an hour.
    """

    name = "ec2spawner image test"
    description = __doc__ or ""
    work = "ec2spawner.admin.image.trial.TestApp"
    examples = """
ec2spawner image test dhsvm-opt
ec2spawner image test dhsvm-opt@4b1d --type m7i.xlarge
"""
    type = Unicode(help="The instance type. Default: the hub's own first one").tag(
        config=True
    )
    public_ip = Bool(False, help="Give the machine a public address").tag(config=True)
    json = Bool(False, help="Print an object a line, for programs").tag(config=True)
    aliases = {**OneImageApp.aliases, "type": "TestOptions.type"}
    flags = {
        "public-ip": ({"TestOptions": {"public_ip": True}}, public_ip.help),
        "json": ({"TestOptions": {"json": True}}, json.help),
    }
