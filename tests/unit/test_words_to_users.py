"""What a user reads of trouble ends with what to do about it, or whom to tell."""

import ast
import importlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

import ec2spawner
from ec2spawner.core.state import Launch, Phase, ServerState
from ec2spawner.costs import budget_words
from ec2spawner.costs.budget import Budget, Scope, Use, decide
from ec2spawner.costs.spent import Spent
from ec2spawner.ec2.errors import EC2Error, kinds
from ec2spawner.ec2.errors.table import meaning_of
from ec2spawner.ec2.machines import Machine
from ec2spawner.ec2.volumes import Volume
from ec2spawner.homes import errors as homes
from ec2spawner.launch import failures
from ec2spawner.server import notices

HOUSE = Path(ec2spawner.__file__).parent
#: how a last sentence may begin, or what it asks for
ADVICE = re.compile(
    r"try again|(tell|ask) your hub's admin|choose|press start|save your work"
    r"|start (it|the server|your server) again|start without one|wait until"
    r"|stop (that|the|another)|write what you want",
    re.IGNORECASE,
)
RAISED = ("EC2SpawnError", "ChoiceError")
#: what is not known before it runs; each is looked at below by what may be there
UNKNOWN = "…"


def last_sentence(text):
    return re.split(r"(?<=[.!?]) ", text.strip())[-1]


def text_of(node, module):
    """A text in the code; names of constants count as their values."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(each, module) for each in node.values)
    if isinstance(node, ast.FormattedValue):
        return text_of(node.value, module)
    if isinstance(node, ast.Name):
        found = getattr(module, node.id, UNKNOWN)
        return found if isinstance(found, str) else UNKNOWN
    return UNKNOWN


def raised():
    """(where, text) of each message to users that the code makes."""
    for path in sorted(HOUSE.rglob("*.py")):
        name = ".".join(path.relative_to(HOUSE.parent).with_suffix("").parts)
        source = path.read_text()
        if not any(f"{each}(" in source for each in RAISED) or "demo" in name:
            continue
        module = importlib.import_module(name)
        for node in ast.walk(ast.parse(source)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in RAISED
            ):
                where = f"{path.relative_to(HOUSE)}:{node.lineno}"
                yield where, text_of(node.args[0], module)


MESSAGES = list(raised())


def test_messages_are_found():
    assert len(MESSAGES) > 40
    assert len({where.partition(":")[0] for where, _ in MESSAGES}) > 12


@pytest.mark.parametrize("where, text", MESSAGES)
def test_every_message_ends_with_what_to_do_or_whom_to_tell(where, text):
    last = last_sentence(text)
    # What somebody else says is at its end: AWS's table, a choice that was refused.
    assert last.endswith(UNKNOWN) or ADVICE.search(last), text


def test_few_messages_end_with_what_others_say():
    """Each of them has a test below, or repeats what has been raised with advice."""
    open_ended = [w for w, t in MESSAGES if last_sentence(t).endswith(UNKNOWN)]
    assert sorted({where.partition(":")[0] for where in open_ended}) == [
        "homes/errors.py",
        "launch/failures.py",
        "profiles/choose.py",
        "server/choice.py",
    ]


MEANINGS = {n: m for n, m in vars(kinds).items() if isinstance(m, kinds.Meaning)}


@pytest.mark.parametrize("name", MEANINGS)
def test_what_is_said_of_an_error_of_aws_ends_so(name):
    assert ADVICE.search(last_sentence(MEANINGS[name].user))


@pytest.mark.parametrize("state", ["stopped", "terminated"])
@pytest.mark.parametrize("code", ["", "Server.New", "Client.InternalError"])
def test_what_is_said_of_a_machine_that_has_ended_ends_so(code, state):
    machine = Machine("i-1", state, reason_code=code, reason_message="the roof fell in")
    error = failures.EndedEarly(machine)
    assert ADVICE.search(last_sentence(error.jupyterhub_message))
    # AWS's own words are for the admin.
    for words in ("the roof fell in", "Server.", "Client."):
        assert words not in error.jupyterhub_message
        assert words not in notices.ended(machine, NOON)
    assert "the roof fell in" in error.log_message


VOLUME = Volume("vol-1", "a", "in-use", 1, attached_to="i-1")
STATES = ["pending", "running", "stopping", "stopped", "shutting-down", "terminated"]


@pytest.mark.parametrize("holder", [None, *(Machine("i-1", state) for state in STATES)])
def test_what_is_said_of_a_home_that_another_machine_has_is_true_and_ends_so(holder):
    told = homes.in_use(VOLUME, holder).jupyterhub_message
    assert ADVICE.search(last_sentence(told))
    # On a machine that ends, or that nobody here knows, no server can be stopped.
    runs = holder is not None and holder.state in ("pending", "running")
    assert ("Stop the server" in told) == runs


def test_what_is_wrong_with_aws_credentials_is_not_called_a_missing_right():
    for code in ("AuthFailure", "InvalidClientTokenId", "ExpiredToken"):
        assert "cannot log in to AWS" in meaning_of(code).user
    assert "is not allowed" in meaning_of("UnauthorizedOperation").user


def test_what_a_machine_of_somebody_else_answers_is_not_said_of_settings():
    error = EC2Error("RunInstances", "ForeignAnswer", "HTTP 403", kinds.FOREIGN)
    told = failures.spawn_error(error)
    assert "settings" not in told.jupyterhub_message
    assert "proxy" in told.log_message


# -- notices ----------------------------------------------------------------------

NOON = 1_800_014_400.0
RUNS = ServerState(
    launch=Launch("s", "l", Phase.READY, instance_id="i-1", ready_at=1.0)
)


def every_notice(server):
    """Each by itself, as the Hub's pages show it."""
    machine = Machine("i-1", "terminated", reason_code="Server.InternalError")
    last = {
        "ended": notices.ended(machine, NOON, server),
        "stopped": notices.ended(replace(machine, state="stopped"), NOON, server),
        "lost": notices.lost("i-1", NOON, server),
    }
    shown = {
        name: notices.told(ServerState(last_end=text), server, now=NOON)
        for name, text in last.items()
    }
    announced = notices.announced("i-1", True, "terminate 2026-11-22T16:32:05Z", server)
    advised = notices.announced("i-1", False, "", server)
    for name, text in (
        ("taken back", announced),
        ("advised", advised),
        ("rescued", notices.rescued("vol-1", server)),
    ):
        launch = replace(RUNS.current, announced=text)
        shown[name] = notices.told(ServerState(launch=launch), server, now=NOON)
    shown["impaired"] = notices.told(RUNS, server, NOON, impaired_since=NOON - 60)
    shown["silent"] = notices.told(RUNS, server, NOON, silent_since=NOON - 600)
    shown["no home"] = notices.told(RUNS, server, NOON, home_off="vol-1")
    return shown


@pytest.mark.parametrize("kind", every_notice(""))
def test_a_notice_ends_so_too(kind):
    (text,) = every_notice("")[kind]
    assert ADVICE.search(last_sentence(text)), text


@pytest.mark.parametrize("kind", sorted(set(every_notice("")) - {"silent"}))
def test_a_notice_names_the_server_and_its_time_has_a_zone(kind):
    (text,) = every_notice("gpu")[kind]
    assert "your server 'gpu'" in text
    (text,) = every_notice("")[kind]
    assert "your server" in text and "your server '" not in text
    for time in re.finditer(r"\d\d:\d\d", text):
        assert text[time.end() :].startswith(" UTC")


BUDGETS = [
    Budget(scope, 60.0, "x", monthly) for scope in Scope for monthly in (True, False)
]


@pytest.mark.parametrize("budget", BUDGETS, ids=str)
@pytest.mark.parametrize("usd", [30.0, 60.0])
@pytest.mark.parametrize("stops_at", [0.0, NOON])
def test_what_is_said_of_budgets_ends_so(budget, usd, stops_at):
    use = Use(budget, Spent(usd, 0.0, frozenset({"p5.48xlarge"})))
    told = list(budget_words.notices(decide([use]), stops_at))
    assert len(told) == 2
    stopped = notices.after_end(budget_words.stopped(use, NOON))
    for text in (*told, stopped, budget_words.refused(use).jupyterhub_message):
        assert ADVICE.search(last_sentence(text)), text
