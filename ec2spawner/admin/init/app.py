"""The command ``ec2spawner init``."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...ec2.account.region import configured_region, partition_of
from ..hub_config import AdminError
from ..options import InitOptions
from . import answers
from .commands import commands
from .config import config_of
from .stack import CONFIG, TEMPLATE, Stack, stack_of

# That of the documentation.
_REGION = "us-west-2"


@dataclass(frozen=True)
class Question:
    """What is asked, what is taken when nothing is answered, and what an answer means.

    ``read`` raises ValueError with a sentence.
    """

    option: str
    text: str
    default: str
    read: Callable[[str], Any]


def questions() -> list[Question]:
    """The six that somebody must decide."""
    me = getpass.getuser()
    try:
        [me] = answers.users(me)
    except ValueError:
        me = "ada"
    region = partial(answers.region, exists=partition_of)
    name = "Name of the hub, or its domain name if it has one, such as hub.example.org"
    return [
        Question(
            "region",
            "AWS region, near your users",
            configured_region() or _REGION,
            region,
        ),
        Question("name", name, "lab-hub", answers.name_and_domain),
        Question(
            "users", "Who may log in? Login names, the admin's first", me, answers.users
        ),
        Question(
            "sizes",
            "Sizes to choose from, as instance types",
            "t3.medium, m7i.xlarge, m7i.2xlarge",
            answers.types,
        ),
        Question(
            "budget",
            "US dollars that machines and homes may cost a month, 0 for any number",
            "200",
            answers.budget,
        ),
        Question(
            "home-size",
            "GiB for each user's home; 20 cost about 1.60 USD a month",
            "20",
            answers.home_size,
        ),
    ]


class InitApp(InitOptions):
    """``ec2spawner init``, which does what its options say."""

    def start(self) -> None:
        if rest := self.extra_args[1:]:
            self.fail(f"what is {rest[0]!r}? See {self.name} --help", 2)
        folder = Path(*self.extra_args).expanduser()
        path = folder / CONFIG
        try:
            if self.template:
                config = path.read_text()
            else:
                self._may_be_written(path)
                config = config_of(self._answers())
            stack = stack_of(config)
            self._may_be_written(folder / TEMPLATE, stack.template)
            folder.mkdir(parents=True, exist_ok=True)
            if not self.template:
                path.write_text(config)
            (folder / TEMPLATE).write_text(stack.template)
        except (AdminError, OSError) as e:
            self.fail(str(e))
        except (EOFError, KeyboardInterrupt):
            print()
            self.fail("nothing is written", 130)
        self._tell(folder, stack)

    def _answers(self) -> answers.Answers:
        found = {each.option: self._answer(each) for each in questions()}
        name, domain = found["name"]
        return answers.Answers(
            region=found["region"],
            name=name,
            domain=domain,
            users=found["users"],
            types=found["sizes"],
            budget=found["budget"],
            home_size=found["home-size"],
            idle_minutes=self._given("idle-minutes", answers.idle_minutes),
        )

    def _answer(self, question: Question) -> Any:
        if self._text_of(question.option):
            return self._given(question.option, question.read)
        if self.yes:
            return question.read(question.default)
        if not self._asks:
            self.fail(
                "there is no terminal to ask on: give --yes, which takes the defaults, "
                "and options for what is to be otherwise",
                2,
            )
        while True:
            text = input(f"{question.text} [{question.default}]: ").strip()
            try:
                return question.read(text or question.default)
            except ValueError as e:
                print(f"  {e}.")

    def _given(self, option: str, read: Callable[[str], Any]) -> Any:
        try:
            return read(self._text_of(option))
        except ValueError as e:
            self.fail(f"--{option}: {e}", 2)

    def _text_of(self, option: str) -> str:
        trait = str(self.aliases[option]).partition(".")[2]
        return str(getattr(self, trait)).strip()

    @property
    def _asks(self) -> bool:
        return not self.yes and sys.stdin.isatty()

    def _may_be_written(self, path: Path, text: str = "") -> None:
        """Ends the process unless there is no such file, or somebody says so.

        :param text: what will be in it, if that is known
        """
        if self.overwrite or not path.exists() or path.read_text() == text:
            return
        if self._asks:
            if input(f"{path} is there already. Overwrite it? [no]: ").strip() in (
                "y",
                "yes",
            ):
                return
            why = f"{path} stays as it is, and nothing is written"
        else:
            why = f"{path} is there already: --overwrite writes a new one"
        more = f". --template makes {TEMPLATE} of it" if path.name == CONFIG else ""
        self.fail(why + more)

    def _tell(self, folder: Path, stack: Stack) -> None:
        for name in stack.unknown:
            print(
                f"{self.name}: what {name} will be, only the start of a server tells: "
                f"add what it may be to the policy in {TEMPLATE} yourself",
                file=sys.stderr,
            )
        names = [TEMPLATE] if self.template else [CONFIG, TEMPLATE]
        print(f"Written: {' and '.join(str(folder / name) for name in names)}")
        print("\nRead them, and change what you like. Then four commands are left:")
        found = commands(stack, str(folder / TEMPLATE))
        for number, (what, command) in enumerate(found, 1):
            print(f"\n{number}. {what}\n\n{command}")
