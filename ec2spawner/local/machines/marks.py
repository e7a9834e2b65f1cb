"""Machines whose processes are found by a marker in their environment."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence

from .. import marked
from .base import Ending, Machine, MachineSpec

#: in the environment of everything that runs on a machine: <cloud id>/<instance id>
MARKER = "EC2SPAWNER_LOCAL"


class MarkedMachine(Machine):
    """A machine that is a tree of processes below a marked one."""

    def __init__(self, spec: MachineSpec, ended: Callable[[Ending], None]) -> None:
        super().__init__(spec, ended)
        self.marker = f"{spec.cloud_id}/{spec.instance_id}"

    def freeze(self) -> None:
        marked.freeze(self.pids)

    def thaw(self) -> None:
        marked.send(self.pids(), signal.SIGCONT)

    def destroy(self, grace: float, keep_disk: bool = False) -> None:
        self.stop(grace)
        if not keep_disk:
            marked.remove_folder(str(self.spec.folder))

    def pids(self) -> list[int]:
        return marked.marked_processes(MARKER, self.marker)

    @classmethod
    def pids_of(cls, machines: Sequence[Machine]) -> dict[str, list[int]]:
        found = marked.processes_by_marker(MARKER)
        return {
            each.spec.instance_id: found.get(
                f"{each.spec.cloud_id}/{each.spec.instance_id}", []
            )
            for each in machines
        }
