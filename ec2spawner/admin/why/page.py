"""What is known of one server, as lines for a person or a program. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...core.ids import server_id
from ...core.state import Doomed, Launch, Phase, ServerState, StoppedMachine
from ...costs.ledger import Ledger
from ...costs.runs import Kind, Run, month_of
from ...costs.spent import total
from ...ec2.machines import Machine
from ...hub.database.servers import ServerRow
from ..collect import Survey
from ..explain import why
from ..hub_config import Hub
from ..table import duration

#: (what it is about, what there is to say)
Line = tuple[str, str]

_RUNS = 5
_PHASES = {
    Phase.PLANNED: "a start is under way, and EC2 has been asked for nothing yet",
    Phase.REQUESTED: "EC2 has been asked for a machine",
    Phase.BOOTING: "its machine boots",
    Phase.CLAIMED: "its machine has its orders, and starts the server",
    Phase.READY: "its server is ready",
    Phase.OVER: "its last machine is over",
}


@dataclass(frozen=True)
class Server:
    """One server of a user, with what it is asked about."""

    user: str
    row: ServerRow

    @property
    def label(self) -> str:
        name = self.row.name
        return f"{self.user}'s server {name!r}" if name else f"{self.user}'s server"


def lines(
    server: Server, hub: Hub, seen: Survey, ledger: Ledger, now: float
) -> list[Line]:
    """All that is known of it, what matters most first.

    :param now: seconds since the epoch
    """
    state = server.row.state
    found: list[Line] = []
    if state is None:
        found.append(
            (
                "STATE",
                "what is saved of it cannot be read; was it written by a newer "
                "ec2spawner? It is kept, and the server is not started",
            )
        )
        state = ServerState()
    found += _state(server.row, state, now)
    found += _machines(server, state, hub, seen, now)
    if state.stopped:
        found.append(("STOPPED", _stopped(state.stopped, now)))
    found += [("TO BE ENDED", _doomed(each)) for each in state.doomed]
    if state.home:
        found.append(("HOME", _home(state, seen)))
    found += _idle(server.row, state, seen, now)
    found += _costs(server, ledger, now)
    return found


def _state(row: ServerRow, state: ServerState, now: float) -> Iterator[Line]:
    launch = state.current
    if state.launch is None:
        yield "STATE", "it does not run"
    else:
        yield "STATE", f"{_PHASES[launch.phase]}; next: {launch.act.value}"
    if row.serves and launch.phase is not Phase.READY:
        yield "JUPYTERHUB", "takes it for running: its next poll or restart tells more"
    if state.last_end:
        yield "LAST END", state.last_end
    if launch.announced:
        yield "ANNOUNCED", launch.announced
    if launch.rescued:
        yield "HOME", f"could not be mounted: {launch.rescued}"
    if launch.silent_since:
        silent = duration(now - launch.silent_since)
        yield "AGENT", f"silent for {silent}, while EC2 says that the machine runs"
    if state.launch is not None and launch.phase is not Phase.OVER:
        yield "LAUNCH", _launch(state.profile, launch, now)


def _launch(profile: str, launch: Launch, now: float) -> str:
    parts = [launch.id]
    parts += [f"profile {profile}"] if profile else []
    parts += [each for each in (launch.instance_type, launch.market) if each]
    parts += [launch.zone or launch.region]
    if launch.launched_at:
        parts.append(f"begun {duration(now - launch.launched_at)} ago")
        moments = (("claimed", launch.claimed_at), ("ready", launch.ready_at))
        parts += [
            f"{what} {duration(at - launch.launched_at)} later"
            for what, at in moments
            if at >= launch.launched_at
        ]
    return ", ".join(part for part in parts if part)


def _machines(
    server: Server, state: ServerState, hub: Hub, seen: Survey, now: float
) -> Iterator[Line]:
    ids = ids_of(state)
    tag = server_id(hub.hub_id, server.user, server.row.name)
    shown: set[str] = set()
    for region in seen.regions:
        for machine in region.machines:
            if machine.id in ids or machine.server_id == tag:
                shown.add(machine.id)
                told = why(machine, seen.records, hub.lease)
                yield "MACHINE", f"{_machine(machine, now)}: {told}"
    for missing in sorted(ids - shown):
        yield "MACHINE", f"{missing}: EC2 does not list it"


def ids_of(state: ServerState) -> set[str]:
    """The ids of all machines that a state names."""
    named = [state.current, state.stopped, *state.doomed]
    return {each.instance_id for each in named if each and each.instance_id}


def _machine(machine: Machine, now: float) -> str:
    parts = [
        machine.id,
        machine.state,
        machine.instance_type,
        machine.market,
        machine.zone,
        machine.private_ip,
        f"launched {duration(now - machine.launched_at)} ago",
    ]
    if machine.over:
        parts.append(machine.why)
    return ", ".join(part for part in parts if part)


def _stopped(stopped: StoppedMachine, now: float) -> str:
    how = "hibernates" if stopped.hibernates else "is stopped"
    text = f"{stopped.instance_id} {how}, for {duration(now - stopped.since)}"
    if not stopped.certain:
        text += "; EC2 has not confirmed it yet"
    if stopped.until:
        text += f"; ended in {duration(stopped.until - now)} unless it is started"
    if stopped.failed_wakes:
        text += f"; woken {stopped.failed_wakes} times without a server"
    return text


def _doomed(doomed: Doomed) -> str:
    what = doomed.instance_id or "what it may have made"
    return f"{what} of launch {doomed.launch_id}: tried until EC2 confirms it"


def _home(state: ServerState, seen: Survey) -> str:
    assert state.home is not None
    home = state.home
    resources = [each for region in seen.regions for each in region.resources]
    volume = next((each for each in resources if each.id == home.id), None)
    if volume is None:
        return f"{home.id}: EC2 does not list it. Do not delete the server; look for it"
    where = f"in use by {volume.used_by}" if volume.used_by else "used by nothing"
    whose = f"the {home.kind}'s" if home.kind else ""
    return ", ".join(part for part in (home.id, whose, volume.zone, where) if part)


def _idle(
    row: ServerRow, state: ServerState, seen: Survey, now: float
) -> Iterator[Line]:
    launch, last = state.current, state.last_stop
    if last is not None:
        idle = f", idle for {duration(last.at - last.idle_since)}"
        more = idle if last.idle_since else ""
        ago = duration(now - last.at)
        yield "LAST STOP", f"by the Hub {ago} ago, limit {last.limit}{more}"
    if launch.phase is not Phase.READY:
        return
    if use := seen.uses.of(launch.instance_id, now):
        ago = duration(now - seen.uses.at)
        yield "USE", f"{use} (as the Hub knew {ago} ago)"
    if launch.kept_until > now:
        yield "KEPT", f"for {duration(launch.kept_until - now)} more, as its user asks"
    yield "LIMITS", _limits(launch)
    if row.last_activity:
        ago = duration(now - row.last_activity)
        yield "ACTIVITY", f"{ago} ago, as JupyterHub was told"


def _limits(launch: Launch) -> str:
    policy = launch.idle
    found = (
        ("idle for", policy.idle_timeout),
        ("alone though busy for", policy.busy_limit),
        ("it has run for", policy.max_age),
    )
    set_ones = [f"{what} {duration(limit)}" for what, limit in found if limit]
    if not set_ones:
        return "none of its own; a culler may have some"
    return f"it stops when {', '.join(set_ones)}"


def _costs(server: Server, ledger: Ledger, now: float) -> Iterator[Line]:
    user, name = server.user, server.row.name
    month = month_of(now)
    yield (
        "COST",
        f"this month {ledger.of_server(user, name, now, month)} for this server, "
        f"{ledger.of_user(user, now, month)} for all of {user}",
    )
    for run in last_runs(ledger.runs.values(), user, name):
        yield "RUN", _run(run, now)


def last_runs(runs: Iterable[Run], user: str, server: str) -> Sequence[Run]:
    """The latest runs of a server's machines, newest first."""
    mine = [
        run
        for run in runs
        if run.kind is Kind.MACHINE and (run.who.user, run.who.server) == (user, server)
        if not run.builds
    ]
    return sorted(mine, key=lambda run: -run.began)[:_RUNS]


def _run(run: Run, now: float) -> str:
    length = duration(run.seconds(now))
    ended = "so far" if run.open else f"ended {duration(now - (run.ended or 0))} ago"
    return f"{run.id}, {run.type}, {run.market}: {length}, {ended}, {total([run], now)}"
