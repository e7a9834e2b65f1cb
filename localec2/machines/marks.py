"""Machines whose processes are found by a marker in their environment."""

from __future__ import annotations

import abc
import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence

from ..processes import marked
from ..processes.marked import MARKER
from .base import Ending, Machine, MachineSpec


class MarkedMachine(Machine):
    """A machine that is a tree of processes below a marked one."""

    def __init__(self, spec: MachineSpec, ended: Callable[[Ending], None]) -> None:
        super().__init__(spec, ended)
        self.marker = f"{spec.cloud_id}/{spec.instance_id}"
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        #: grows with every power-on and power-off: tells a watcher it is outdated
        self._epoch = 0

    @abc.abstractmethod
    def _launch(self) -> subprocess.Popen[bytes]:
        """Start the process that the machine lives and ends with."""

    def _connect(self, process: subprocess.Popen[bytes]) -> None:
        """Give a machine that was launched what it waits for."""

    @abc.abstractmethod
    def _ending(self, status: int) -> Ending:
        """How the machine ended, when its process has ended with this status."""

    def _clean_up(self) -> None:
        """Put away what a machine without processes may have left."""

    def start(self) -> None:
        with self._lock:
            self._epoch += 1
            process = self._process = self._launch()
            try:
                self._connect(process)
            except BaseException:
                self._kill()
                raise
            threading.Thread(
                target=self._watch,
                args=(process, self._epoch),
                name=f"machine {self.spec.instance_id}",
                daemon=True,
            ).start()

    def stop(self, grace: float) -> None:
        self._outdate_watcher()
        process = self._process
        if process is not None and process.poll() is None and grace > 0:
            self._press_power_button()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=grace)
        self._kill()

    def _press_power_button(self) -> None:
        self.power_off()

    def crash(self) -> None:
        self._outdate_watcher()
        self._kill()

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

    def _watch(self, process: subprocess.Popen[bytes], epoch: int) -> None:
        status = process.wait()
        with self._lock:
            if epoch != self._epoch:
                return
            self._epoch += 1
        self._kill()
        self.ended(self._ending(status))

    def _outdate_watcher(self) -> None:
        with self._lock:
            self._epoch += 1

    def _kill(self) -> None:
        left = marked.kill_marked(MARKER, self.marker)
        if left:
            raise RuntimeError(f"processes {left} of {self.marker} cannot be killed")
        if self._process is not None:
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._clean_up()
