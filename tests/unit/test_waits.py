"""Every wait on the way of a start: a new one needs a reason, or is not to be.

A wait for news (a lock, a future, an event) ends when there are some. What is here ends
with time, or may: sleeps, intervals between looks, and the most that is waited.
"""

import ast

from tests.house import files

#: what runs between a click and a server that is ready
ON_THE_WAY = (
    "claim/agent/",
    "claim/api.py",
    "ec2/again.py",
    "ec2/batcher.py",
    "ec2/clients.py",
    "ec2/instance_types.py",
    "ec2/inventory/",
    "ec2/throttle.py",
    "fleet/power.py",
    "homes/attach.py",
    "homes/move.py",
    "homes/store.py",
    "launch/",
    "server/admission.py",
    "server/context.py",
    "server/home.py",
    "server/image.py",
    "server/resume.py",
    "server/session.py",
    "server/start.py",
    "server/tokens.py",
    "spawner.py",
)
SLEEPS = {"sleep", "_sleep", "newer_than", "Looks"}
#: these wait for news, unless they are told for how long
MAYBE = {"wait", "wait_for", "join", "select", "poll", "request", "communicate"}

#: where, and why. "Trouble": no start waits there when nothing is wrong.
WAITS = {
    "claim/agent/hub.py Hub.claim": "the Hub does not answer, or not yet: 0.25 s, "
    "and longer each time in trouble",
    "claim/agent/metadata.py Metadata.get": "trouble: the metadata service is not up",
    "claim/agent/metadata.py Metadata.identity": "the same",
    "claim/agent/service.py end": "after the end: systemd takes the machine down",
    "claim/agent/work/home.py wait_for_device": "a disk that EC2 has attached shows up "
    "when the kernel has seen it: a look each 0.2 s",
    "claim/agent/work/main.py Agent.serve": "trouble: a server that died begins anew",
    "claim/agent/work/main.py Agent.watch": "a server says to nobody that it answers: "
    "a look each 0.05 s until it does",
    "claim/agent/work/process.py ProcessHost.stop": "the end of a server",
    "claim/agent/work/process.py wait_for_volume": "as wait_for_device",
    "claim/agent/work/reporter.py Reporter.deliver": "trouble: the Hub does not answer",
    "claim/agent/work/reporter.py Reporter.flush": "the end of a server",
    "claim/api.py ClaimHandler.answer": "the most that a machine waits for its home in "
    "one request; it asks again at once",
    "ec2/again.py repeat_in_doubt": "trouble: EC2's answer was lost",
    "ec2/again.py patiently": "trouble: EC2 is asked again",
    "ec2/again.py Looks.__anext__": "how all who look again wait",
    "ec2/again.py every": "work in the background",
    "ec2/batcher.py Batcher._gather": "0.01 s in which those who ask together meet",
    "ec2/clients.py Lane._pay": "AWS's limits, for further pages",
    "ec2/clients.py Lane.run": "trouble: a call is repeated",
    "ec2/inventory/inventory.py Inventory.news_of": "the most that EC2 may take to "
    "tell of a machine by its id",
    "ec2/inventory/inventory.py Inventory.goes_on": "trouble: EC2 does not know",
    "ec2/inventory/inventory.py Inventory.newer_than": "how all wait for a listing",
    "ec2/inventory/inventory.py Inventory.next": "how all wait for a listing",
    "ec2/inventory/inventory.py Inventory._run": "fast_interval: the pause between two "
    "listings. No start waits for one when nothing is wrong",
    "ec2/throttle.py Throttle.take": "AWS's limits: the line",
    "homes/attach.py Attaching.free": "the home's last machine has to let go of it: a "
    "look each _POLL_SECONDS, EC2 tells nobody",
    "homes/attach.py Attaching._holder": "the same: what EC2 says of that machine now",
    "homes/attach.py Attaching._attach": "EC2 attaches a disk to a machine that runs, "
    "and tells nobody: a look each _POLL_SECONDS",
    "launch/attempts.py Attempts._run": "trouble: EC2 has refused for a reason that "
    "passes",
    "launch/attempts.py find": "trouble: an answer of RunInstances was lost",
    "server/admission.py Admission._listed_once": "the first listing of a Hub's life",
    "server/admission.py Admission._listed_again": "who would be turned away by an old "
    "listing",
    "server/home.py Home._runs": "a first home is made where its machine runs: it may "
    "yet be in another zone; each listing may say so",
    "server/home.py check_free": "a home that another server of the user has",
    "server/start.py Start.until_ready": "its machine's news; each fast_interval "
    "a look whether EC2 has ended it",
    "claim/agent/metadata.py Metadata._new_token": "the most that the metadata "
    "service may take",
    "claim/agent/metadata.py Metadata.find": "the same",
    "claim/agent/work/content.py bring": "the most that a repository's files may "
    "take; the rest comes while the user works",
    "claim/agent/work/deadman.py DeadMan.pause": "work in the background",
    "claim/agent/work/main.py Agent.answers": "the most that a server may take to "
    "answer",
    "ec2/instance_types.py _Facts.of": "the most that EC2 may take to tell of types, "
    "once in a Hub's life",
    "fleet/power.py Power._is_awake": "trouble: an answer of StartInstances was lost",
    "fleet/power.py Power.stop_until_confirmed": "trouble: somebody else has started "
    "it",
    "fleet/power.py Power.wait_stopped": "a machine that is still stopping; one that "
    "has stopped is known by its id, at once",
    "homes/move.py Moves._copied": "a home that moves to another zone: EC2 copies "
    "for minutes, and tells nobody",
    "homes/move.py Moves._made": "the same",
    "homes/move.py Moves._snapshot": "the same",
    "homes/store.py Homes._born": "a new home is there when EC2 says so: a look each "
    "_POLL_SECONDS",
    "homes/store.py Homes.shown": "trouble: EC2 shows an older state than it has "
    "confirmed",
    "server/context.py ServerContext.log_console": "after a start that failed",
    "server/context.py ServerContext.until_saved": "trouble: the database refuses",
    "server/start.py Start.wait_answered": "a stop that comes in the middle",
    "spawner.py EC2Spawner.start": "start_timeout",
    "spawner.py EC2Spawner._boot_or_stop": "start_timeout",
}


def waits():
    """``file Class.function`` of each call that waits for time to pass."""
    for file in files("ec2spawner"):
        if file.name.startswith(ON_THE_WAY):
            yield from waits_in(file.tree, file.name, [])


def waits_in(node, name, scope):
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inner = [*scope, child.name]
        if isinstance(child, ast.Call) and passes_time(child):
            yield f"{name} {'.'.join(inner)}"
        yield from waits_in(child, name, inner)


def passes_time(call):
    whole = ast.unparse(call.func)
    last = whole.rpartition(".")[2]
    if last == "next":  # of a listing, and not of an iterator
        return "inventory" in whole
    if last in SLEEPS:
        return True
    given = [*call.args, *(k.value for k in call.keywords if k.arg == "timeout")]
    timed = any(k.arg == "timeout" for k in call.keywords)
    seconds = [each for each in given if "second" in ast.unparse(each).lower()]
    return last in MAYBE and (timed or last == "wait_for" or bool(seconds))


def test_each_wait_on_the_way_of_a_start_has_a_reason():
    found = set(waits())
    assert found - set(WAITS) == set(), "why does a start have to wait there?"
    assert set(WAITS) - found == set(), "nobody waits there any more: take it out"


def test_what_waits_with_no_word_of_time_is_found_too():
    """What such a line looks like, and what does not wait."""
    for line in ("t.join(timeout=1)", "p.wait(SECONDS)", "asyncio.wait(x, timeout=2)"):
        assert passes_time(ast.parse(line).body[0].value), line
    for line in ("t.join()", "', '.join(x)", "event.wait()", "next(iter(x))"):
        assert not passes_time(ast.parse(line).body[0].value), line
