"""What QEMU is told, and how its monitor is talked to; tests/machine boots it."""

import json
import socket
import threading

import pytest

from localec2.machines.qemu import accelerator
from localec2.machines.qmp import Qmp, QmpError

PLAIN = "flags\t: fpu vme de pse tsc msr hypervisor\n"
INTEL = "flags\t: fpu vme de vmx ssse3\n"
AMD = "flags\t: fpu vme de svm extapic\n"


@pytest.fixture
def kvm(tmp_path):
    device = tmp_path / "kvm"
    device.touch()
    return device


def test_kvm_is_used_only_where_processor_and_device_both_say_so(kvm, tmp_path):
    for able in (INTEL, AMD):
        assert accelerator(able, kvm)[:2] == ["-accel", "kvm"]
        assert "kvm" not in " ".join(accelerator(able, tmp_path / "missing"))
    # The device may be there, and be a trap.
    assert "kvm" not in " ".join(accelerator(PLAIN, kvm))


def test_there_is_one_accelerator_and_no_other_to_fall_back_to(kvm):
    for cpuinfo in (PLAIN, INTEL):
        assert accelerator(cpuinfo, kvm).count("-accel") == 1


class Qemu:
    """The other end of a monitor."""

    def __init__(self, end):
        self.socket = end
        self.lines = end.makefile("rb")

    def read(self):
        return json.loads(self.lines.readline())

    def say(self, **message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")


@pytest.fixture
def qemu():
    ours, theirs = socket.socketpair()
    monitor = Qmp(ours)
    yield monitor, Qemu(theirs)
    theirs.close()
    monitor.close()


def later(call, *arguments):
    thread = threading.Thread(target=call, args=arguments)
    thread.start()
    return thread


def test_an_answer_goes_to_its_question_past_events_and_other_answers(qemu):
    monitor, end = qemu
    unwatched = monitor.send("system_powerdown")

    def answer():
        assert end.read()["execute"] == "system_powerdown"
        question = end.read()
        assert question["arguments"] == {"id": "disk"}
        end.say(event="DEVICE_DELETED", data={"device": "disk"})
        end.say(id=unwatched, **{"return": "not this"})
        end.say(id=question["id"], **{"return": {"ok": True}})

    thread = later(answer)
    assert monitor.ask("device_del", {"id": "disk"}) == {"ok": True}
    thread.join()
    assert monitor.wait_for("DEVICE_DELETED", 10, device="disk")
    assert not monitor.wait_for("DEVICE_DELETED", 0.01, device="another")
    monitor.forget("DEVICE_DELETED")
    assert not monitor.wait_for("DEVICE_DELETED", 0.01, device="disk")


def test_a_refusal_carries_the_reason(qemu):
    monitor, end = qemu
    thread = later(lambda: end.say(id=end.read()["id"], error={"desc": "no such bus"}))
    with pytest.raises(QmpError, match="device_add: no such bus"):
        monitor.ask("device_add")
    thread.join()


def test_a_process_that_ends_leaves_nobody_waiting_and_its_last_words_are_kept(qemu):
    monitor, end = qemu

    def end_it():
        end.read()
        end.say(event="SHUTDOWN", data={"reason": "guest-reset"})
        end.lines.close()
        end.socket.close()

    thread = later(end_it)
    with pytest.raises(QmpError, match="does not answer"):
        monitor.ask("query-status", seconds=60)
    thread.join()
    monitor.until_over()
    assert monitor.events("SHUTDOWN") == [{"reason": "guest-reset"}]
    with pytest.raises(QmpError, match="gone"):
        monitor.ask("query-status")


def test_a_process_that_stands_still_is_not_waited_for_for_ever(qemu):
    monitor, _ = qemu
    with pytest.raises(QmpError, match="does not answer"):
        monitor.ask("query-status", seconds=0.05)
